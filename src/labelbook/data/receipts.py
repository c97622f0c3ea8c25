"""Forty scanned shop receipts (SROIE) with the box and text of every line and four key fields: downloaded once, verified.

Nobody has labelled the lines. The receipts come with the values of company, date, address and total, and the loader
looks for the lines that hold them. The file receipts.tsv beside this module lists the receipts and their checksums.
"""

from __future__ import annotations

import functools
import json
import re
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from .. import resources
from .forms import Document, Documents, in_reading_order

NAMES = ("other", "company", "date", "address", "total")
COMMIT = "27be4271b251c256f695acbade9a801bffe85994"
REPOSITORY = "zzzDavid/ICDAR-2019-SROIE"
ADDRESS = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/data"
FOLDER = "receipts/data"
_LISTED = Path(__file__).with_suffix(".tsv")


def receipts() -> Documents:
    """The receipts, one "word" a printed line, in reading order; `group` is the number of the shop.

    Boxes are shares of the printed area. The total is the line with the right amount that stands beside the word
    "total"; where no such line exists, the last one with the amount.

    Raises:
        DataError: a file cannot be downloaded, is not the listed one, or does not read as expected.
    """
    names = [name for name, _, _ in _rows()]
    files = [f"box/{name}.csv" for name in names] + [f"key/{name}.json" for name in names]
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(_content, files))
    shops: dict[str, int] = {}
    pages = [
        _page(box, key, name, shops)
        for box, key, name in zip(contents[: len(names)], contents[len(names) :], names, strict=True)
    ]
    return Documents(tuple(pages), NAMES, f"SROIE, {len(pages)} scanned receipts ({COMMIT[:7]})")


@functools.cache
def _rows() -> tuple[tuple[str, str, str], ...]:
    """(name, sha256 of the boxes, sha256 of the key fields) of each receipt."""
    return tuple(tuple(line.split("\t")) for line in _LISTED.read_text(encoding="utf-8").splitlines())


@functools.cache
def _checksums() -> dict[str, str]:
    return {f"box/{name}.csv": box for name, box, _ in _rows()} | {f"key/{name}.json": key for name, _, key in _rows()}


def _content(file: str) -> bytes:
    instead = f"Put the folder data of {REPOSITORY} at {COMMIT[:12]} into {resources.cache_folder() / 'receipts'}."
    address, title = f"{ADDRESS}/{file}", f"{file} of the receipts"
    return resources.downloaded(f"{FOLDER}/{file}", address, _checksums()[file], title=title, instead=instead)


def _page(box: bytes, key: bytes, name: str, shops: dict[str, int]) -> Document:
    try:
        lines = [line.split(",", 8) for line in box.decode("utf-8").splitlines() if line.strip()]
        corners = np.array([[int(v) for v in line[:8]] for line in lines]).reshape(-1, 4, 2)
        words = [line[8] for line in lines]
        fields = json.loads(key)
        fields = {field: str(fields[field]) for field in NAMES[1:]}
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise resources.DataError(f"receipt {name} does not list lines and fields as expected ({error!r}).") from error
    edges = np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)
    low, high = edges[:, :2].min(0), edges[:, 2:].max(0)
    boxes = (edges - np.tile(low, 2)) / np.tile(high - low, 2)
    group = shops.setdefault(_plain(fields["company"])[:9], len(shops))
    page = in_reading_order(words, boxes, np.zeros(len(words)), group)
    return Document(page.words, page.boxes, _find(page, fields), group)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def _find(page: Document, fields: dict[str, str]) -> np.ndarray:
    """Which line holds which field: int64 [T]."""
    labels = np.zeros(len(page), np.int64)
    plain = [_plain(word) for word in page.words]
    company, address = _plain(fields["company"]), _plain(fields["address"])
    for i in range(min(15, len(page))):  # shop and address stand at the head
        if len(plain[i]) < 3:
            continue
        if len(plain[i]) > 4 and _held(plain[i], address) > 0.8:
            labels[i] = NAMES.index("address")
        elif plain[i] in company or company in plain[i] or SequenceMatcher(None, plain[i], company).ratio() > 0.8:
            labels[i] = NAMES.index("company")
    dated = [i for i, word in enumerate(page.words) if fields["date"].upper() in word.upper()]
    labels[dated[:1]] = NAMES.index("date")
    amount = re.sub(r"[^0-9.]", "", fields["total"])
    with_amount = [i for i, word in enumerate(page.words) if amount in re.findall(r"\d+\.\d+", word)]
    beside = [i for i in with_amount if "TOTAL" in _row(page, i) and "SUB" not in _row(page, i)]
    labels[beside[:1] or with_amount[-1:]] = NAMES.index("total")
    return labels


def _held(part: str, whole: str) -> float:
    """The share of `part` that its matching pieces in `whole` cover."""
    blocks = SequenceMatcher(None, part, whole, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size > 3) / len(part)


def _row(page: Document, i: int) -> str:
    """What is printed at the height of line `i`, in plain capitals."""
    middle = page.boxes[:, 1::2].mean(1)
    height = page.boxes[i, 3] - page.boxes[i, 1]
    return _plain(" ".join(page.words[j] for j in np.flatnonzero(abs(middle - middle[i]) < 0.6 * height)))
