"""Short texts with two classes: mails (spam or not) embedded, film-review sentences of SST-2 downloaded once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .. import resources

COMMIT = "457ffd83de90a9d6d472d8ffc31bbffe40a8b236"
REPOSITORY = "clairett/pytorch-sentiment-classification"
ADDRESS = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/data/SST2"
FOLDER = "sst2/data/SST2"
SHA256 = {
    "dev.tsv": "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359",
    "test.tsv": "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7",
    "train.tsv": "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",
}
MAILS = {"train": 3500, "test": 1568, "hard": 239}
_HARD, _SPAM = 2, (3, 4)  # numbers of the groups in which the corpus came


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with one class each: `texts`, words separated by blanks; `labels` int64 [N]; the class names; the origin."""

    texts: tuple[str, ...]
    labels: Tensor
    names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, part: slice) -> LabelledTexts:
        return replace(self, texts=self.texts[part], labels=self.labels[part])


def mails(split: str, *, device="cpu") -> LabelledTexts:
    """Mails of 2002 and 2003, ham (0) or spam (1): 3,500 to train, 1,568 to test, or 239 ham that looks like spam.

    Lower-case words of the body, at most 120 a mail; words that occur in fewer than eight mails are left out.

    Args:
        split: "train", "test" or "hard".

    Raises:
        DataError: the embedded file is missing or damaged; says what to do.
        ValueError: unknown split.
    """
    if split not in MAILS:
        raise ValueError(f"the mails have the splits {', '.join(MAILS)}, not {split!r}")
    path = resources.verified("data/mails/mails.npz")
    with np.load(path, allow_pickle=False) as archive:
        words = archive["vocabulary"][archive["words"]]
        ends, group = archive["lengths"].astype(int).cumsum(), archive["group"]
    texts = [" ".join(part) for part in np.split(words, ends[:-1])]
    usual = np.flatnonzero(group != _HARD)
    rows = {"train": usual[: MAILS["train"]], "test": usual[MAILS["train"] :], "hard": np.flatnonzero(group == _HARD)}
    labels = torch.from_numpy(np.isin(group[rows[split]], _SPAM).astype(np.int64))
    return LabelledTexts(
        tuple(texts[i] for i in rows[split]), labels.to(device), ("ham", "spam"), "SpamAssassin's mails, words only"
    )


def sst2(split: str, *, device="cpu") -> LabelledTexts:
    """Sentences of film reviews, negative (0) or positive (1): 6,920 to train, 872 in "dev", 1,821 to test.

    Raises:
        DataError: a file cannot be downloaded, or is not the listed one; says which.
        ValueError: unknown split.
    """
    file = f"{split}.tsv"
    if file not in SHA256:
        raise ValueError(f"SST-2 has the splits train, dev and test, not {split!r}")
    instead = (
        f"Put the folder data/SST2 of {REPOSITORY} at {COMMIT[:12]} into {resources.cache_folder() / 'sst2/data'}."
    )
    address, title = f"{ADDRESS}/{file}", f"{file} of SST-2"
    content = resources.downloaded(f"{FOLDER}/{file}", address, SHA256[file], title=title, instead=instead)
    rows = [line.split("\t") for line in content.decode("utf-8").splitlines()]
    labels = torch.tensor([int(label) for _, label in rows], device=device)
    return LabelledTexts(tuple(text for text, _ in rows), labels, ("negative", "positive"), f"SST-2 ({COMMIT[:7]})")
