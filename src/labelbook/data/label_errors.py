"""What the paper on label errors in test sets published: predicted probabilities and people's votes (Apache-2.0)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import resources

NAMES = {
    "mnist": tuple("0123456789"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}
ANSWERS = ("given", "guessed", "both or neutral", "neither")


@dataclass(frozen=True)
class VotedLabels:
    """A test set of N images without the images, and what five people said about M suspected labels.

    `pred_probs` float32 [N,K], out of sample; `labels` int64 [N], as published; for each suspect its place `index` and the
    class that was offered instead, `guessed`, both int64 [M]; `votes` int64 [M,4], counted by `ANSWERS`, rows sum to 5.
    """

    pred_probs: Tensor
    labels: Tensor
    index: Tensor
    guessed: Tensor
    votes: Tensor
    names: tuple[str, ...]
    origin: str


def label_errors(name: str, *, device="cpu") -> VotedLabels:
    """The test set of "mnist" or "cifar10" (10,000 images each), as the authors' networks and voters saw it.

    Raises:
        DataError: the embedded file is missing or damaged; says which and what to do.
        ValueError: unknown name.
    """
    if name not in NAMES:
        raise ValueError(f"predicted probabilities are embedded for {', '.join(NAMES)}, not for {name!r}")
    path = resources.verified(f"data/label-errors/{name}.npz")
    with np.load(path, allow_pickle=False) as archive:
        arrays = [torch.from_numpy(archive[key]) for key in ("pred_probs", "labels", "index", "guessed", "votes")]
    probs, *integers = (array.to(device) for array in arrays)
    return VotedLabels(probs, *(i.long() for i in integers), NAMES[name], f"{name} test set (cleanlab/label-errors)")


def label_error_votes(*, device="cpu") -> dict[str, Tensor]:
    """Votes alone, for eight test sets: name -> int64 [M,4], counted by `ANSWERS`, five answers a suspect.

    Raises:
        DataError: the embedded file is missing or damaged; says which and what to do.
    """
    path = resources.verified("data/label-errors/votes.npz")
    with np.load(path, allow_pickle=False) as archive:
        return {name: torch.from_numpy(archive[name]).long().to(device) for name in archive.files}
