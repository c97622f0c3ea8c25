"""Generated forms: one-page documents whose every word has a box and a label, laid out by 20 templates a type.

The words around the fields are real ones, in their real order, from the embedded mails. Names, dates, amounts and
numbers are made up. What a value means is told by a key word beside or above it, and by its place on the page; the key
word is sometimes missing, and then only the place is left.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from .texts import mails

MOST_WORDS = 48
TEMPLATES = 20
STYLES = ("letter", "form", "columns", "table", "receipt")
# document type -> its fields: name, kind of value, key words that say the same
TYPES = {
    "invoice": (
        ("seller", "name", ("seller", "from", "supplier")),
        ("buyer", "name", ("buyer", "bill to", "customer")),
        ("issued", "date", ("date", "issued", "invoice date")),
        ("due", "date", ("due", "pay by", "payable until")),
        ("net", "amount", ("net", "subtotal", "before tax")),
        ("total", "amount", ("total", "to pay", "amount due")),
        ("number", "code", ("invoice", "number", "document no")),
        ("account", "code", ("account", "client no", "member")),
    ),
    "booking": (
        ("guest", "name", ("guest", "visitor", "for")),
        ("agent", "name", ("agent", "booked by", "desk")),
        ("arrival", "date", ("arrival", "check in", "begins")),
        ("departure", "date", ("departure", "check out", "ends")),
        ("rate", "amount", ("rate", "a night", "price")),
        ("deposit", "amount", ("deposit", "paid now", "advance")),
        ("booking", "code", ("booking", "reservation", "code")),
    ),
    "parcel": (
        ("sender", "name", ("sender", "from", "shipper")),
        ("receiver", "name", ("receiver", "deliver to", "to")),
        ("shipped", "date", ("shipped", "handed in", "posted")),
        ("delivered", "date", ("delivered", "expected", "arrives")),
        ("postage", "amount", ("postage", "fee", "paid")),
        ("insured", "amount", ("insured", "value", "worth")),
        ("tracking", "code", ("tracking", "parcel", "label no")),
    ),
    "prescription": (
        ("patient", "name", ("patient", "name", "for")),
        ("doctor", "name", ("doctor", "signed", "physician")),
        ("born", "date", ("born", "birth", "born on")),
        ("written", "date", ("written", "date", "on")),
        ("price", "amount", ("price", "costs", "charge")),
        ("share", "amount", ("share", "own part", "you pay")),
        ("record", "code", ("record", "insurance no", "file")),
    ),
    "membership": (
        ("holder", "name", ("holder", "member", "name")),
        ("sponsor", "name", ("sponsor", "proposed by", "friend")),
        ("joined", "date", ("joined", "since", "start")),
        ("expires", "date", ("expires", "valid until", "end")),
        ("fee", "amount", ("fee", "yearly", "dues")),
        ("donation", "amount", ("donation", "gift", "extra")),
        ("card", "code", ("card", "card no", "member no")),
    ),
}
_FIRST, _LAST, _MONTHS = (
    names.split()
    for names in (
        "Ada Alan Amir Anna Boris Carla Chen Clara David Dora Elena Emil Erik Fatima Felix Grace Hana Hugo Ida Igor "
        "Ines Ivan Jana John Jose Kaito Karl Lara Leo Lin Lucia Maja Marco Maria Mei Nadia Nils Nora Omar Otto Paul "
        "Petra Rafael Rosa Sara Simon Sofia Tariq Thea Tom Uma Vera Viktor Wanda Yara Yusuf Zoe",
        # the second half names people on test pages only
        "Abbott Akbar Alonso Baker Bauer Bello Berg Brandt Castro Chang Costa Diaz Dubois Endo Eriksen Farouk Ferrari "
        "Fischer Garcia Gruber Haas Hansen Hayashi Ibrahim Ito Jansen Kaya Keller Kim Koch Kovacs Kumar Lang Larsen "
        "Lopez Maier Marin Meyer Mori Moreau Nagy Nakamura Novak Okafor Olsen Patel Peters Popov Quinn Reyes Ricci "
        "Romano Rossi Sato Schmid Silva Simon Singh Suzuki Tanaka Torres Urban Varga Vogel Wagner Weber Wong Yamada "
        "Young Zhang Ziegler Zimmer",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    )
)


@dataclass(frozen=True)
class Document:
    """One page of T words in reading order.

    `words`; `boxes` float32 [T,4], (x0, y0, x1, y1) as shares of the page; `labels` int64 [T], 0 for a word that belongs
    to no field; `group`, the number of its template (or of the shop that a receipt comes from).
    """

    words: tuple[str, ...]
    boxes: np.ndarray
    labels: np.ndarray
    group: int

    def __len__(self):
        return len(self.words)


@dataclass(frozen=True)
class Documents:
    """Pages of one type: `pages`; the names of the K labels, the first being "other"; where they came from."""

    pages: tuple[Document, ...]
    names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.pages)

    def __getitem__(self, part: slice) -> Documents:
        return replace(self, pages=self.pages[part])


def rendered_forms(kind: str, n: int, rng: np.random.Generator, *, templates, people: str = "train") -> Documents:
    """Draw `n` documents of a type, each in one of the given templates.

    Args:
        kind: a key of TYPES.
        templates: numbers in 0..19 to draw from, evenly.
        people: "train" or "test"; the surnames of the two have nothing in common.

    Raises:
        DataError: the embedded mails are missing or damaged.
        ValueError: unknown type, template or people.
    """
    templates = list(templates)
    if kind not in TYPES or people not in ("train", "test"):
        raise ValueError(
            f"there are forms {', '.join(TYPES)} with people of 'train' or 'test', not {kind!r}, {people!r}"
        )
    if not templates or not all(0 <= t < TEMPLATES for t in templates):
        raise ValueError(f"templates are numbers in 0..{TEMPLATES - 1}, one or more of them")
    surnames = _LAST[: len(_LAST) // 2] if people == "train" else _LAST[len(_LAST) // 2 :]
    pages = tuple(_page(kind, int(rng.choice(templates)), surnames, rng) for _ in range(n))
    return Documents(pages, ("other", *(field for field, _, _ in TYPES[kind])), f"{n:,} generated {kind} pages")


@functools.cache
def _mail_words() -> tuple[tuple[str, ...], ...]:
    return tuple(words for text in mails("train").texts if len(words := tuple(text.split())) >= 20)


@functools.cache
def _template(kind: str, number: int) -> tuple[np.ndarray, list[str], str, int]:
    """Places [fields,2] of the fields, the usual key words, where the key stands, and the way dates are written."""
    rng = np.random.default_rng([number, list(TYPES).index(kind)])  # a template is the same in every run
    style, count = STYLES[number % len(STYLES)], len(TYPES[kind])
    rows = np.arange(count)
    step = rng.uniform(0.04, 0.055)
    if style == "letter":
        x, y = np.where(rows < 2, 0.08 + 0.46 * rows, 0.1), np.where(rows < 2, 0.06, 0.42 + step * (rows - 2))
    elif style == "form":
        x, y = np.full(count, rng.uniform(0.06, 0.3)), 0.14 + 1.2 * step * rows
    elif style == "columns":
        x, y = 0.06 + 0.48 * (rows % 2), rng.uniform(0.1, 0.4) + 1.2 * step * (rows // 2)
    elif style == "table":
        x, y = 0.06 + 0.31 * (rows % 3), rng.uniform(0.15, 0.35) + 2 * step * (rows // 3)
    else:
        x, y = np.full(count, 0.3), rng.uniform(0.1, 0.3) + step * rows
    places = np.stack([x, y], 1)[rng.permutation(count)]
    keys = [str(rng.choice(synonyms)) for _, _, synonyms in TYPES[kind]]
    return places, keys, "above" if style == "table" else "left", int(rng.integers(3))


def _value(kind: str, surnames, way: int, rng) -> list[str]:
    if kind == "name":
        return [str(rng.choice(_FIRST)), str(rng.choice(surnames))]
    if kind == "amount":
        return [f"{np.exp(rng.uniform(2, 8)):,.2f}"]
    if kind == "code":
        return [f"{rng.choice(list('ABCKMRXZ'))}{rng.integers(10, 100)}-{rng.integers(1000, 10000)}"]
    day, month, year = rng.integers(1, 29), rng.integers(1, 13), rng.integers(1999, 2026)
    if way == 0:
        return [f"{year}-{month:02}-{day:02}"]
    return [f"{day:02}/{month:02}/{year}"] if way == 1 else [str(day), _MONTHS[month - 1], str(year)]


def _page(kind: str, number: int, surnames, rng) -> Document:
    places, usual, side, way = _template(kind, number)
    row = []  # (word, x0, y0, width, label)

    def put(words, x, y, label):
        for word in words:
            row.append((word, x, y, 0.011 * len(word), label))
            x += 0.011 * (len(word) + 1)

    for i, (_, kind_of_value, synonyms) in enumerate(TYPES[kind]):
        if rng.random() < 0.1:
            continue  # not every page fills every field
        x, y = places[i] + rng.normal(0, 0.004, 2)
        if rng.random() < 0.75:  # else the key word is missing
            key = (usual[i] if rng.random() < 0.95 else str(rng.choice(synonyms))).split()
            put(key, x, y, 0)
        put(_value(kind_of_value, surnames, way, rng), *((x, y + 0.026) if side == "above" else (x + 0.19, y)), i + 1)
    top = 0.06 if places[:, 1].min() > 0.3 and STYLES[number % len(STYLES)] != "letter" else 0.84
    for extra in ("date", "amount", "name", "code"):  # values that are no field
        if rng.random() < 0.35:
            at = 0.06 + 0.6 * rng.random(), top + 0.1 * rng.random()
            put(_value(extra, surnames, int(rng.integers(2)), rng), *at, 0)
    mail = _mail_words()[rng.integers(len(_mail_words()))]
    begin = rng.integers(len(mail) - 15)
    text = mail[begin : begin + min(15, MOST_WORDS - len(row))]
    for line in range(0, len(text), 5):
        put(text[line : line + 5], 0.08, 0.9 + 0.026 * (line // 5), 0)
    words, x, y, width, labels = zip(*row, strict=True)
    shift = rng.normal(0, 0.012, 2)
    x, y = np.array(x) + shift[0], np.array(y) + shift[1] + rng.normal(0, 0.001, len(row))
    boxes = np.stack([x, y, x + np.array(width), y + 0.018], 1).clip(0, 1).astype(np.float32)
    return in_reading_order(words, boxes, np.array(labels), number)


def in_reading_order(words, boxes, labels, group: int, line: float = 0.012) -> Document:
    """Sort the words of a page by lines, then from left to right; a line ends where the next word is lower by `line`."""
    down = np.argsort(boxes[:, 1], kind="stable")
    lines = np.zeros(len(down), int)
    lines[down] = np.cumsum(np.diff(boxes[down, 1], prepend=boxes[down[0], 1]) > line)
    order = np.lexsort((boxes[:, 0], lines))
    return Document(tuple(words[i] for i in order), boxes[order], labels[order].astype(np.int64), group)
