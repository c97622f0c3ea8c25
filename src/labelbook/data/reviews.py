"""Reviews of clothes from an anonymous shop: would the customer recommend the piece? With sentence embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import resources


@dataclass(frozen=True)
class Reviews:
    """Texts, embeddings and labels of the same reviews, in random order.

    `titles` and `bodies` are what the customer wrote, `embeddings` float32 [N,384] the MiniLM sentence embedding of
    "title. body" (length about 1), `labels` int64 [N] the answer (0 no, 1 yes), `stars` int64 [N] in 1..5.
    """

    titles: tuple[str, ...]
    bodies: tuple[str, ...]
    embeddings: Tensor
    labels: Tensor
    stars: Tensor
    names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.titles)


def clothing_reviews(*, device="cpu") -> Reviews:
    """7,000 reviews of clothes, half of them by customers who would not recommend the piece.

    Raises:
        DataError: the embedded file is missing or damaged; says what to do.
    """
    with np.load(resources.verified("data/reviews/reviews.npz"), allow_pickle=False) as archive:
        titles, bodies = (tuple(archive[name].tobytes().decode().split("\n")) for name in ("titles", "bodies"))
        embeddings = archive["embeddings"] * archive["scale"]
        labels, stars = (torch.from_numpy(archive[name].astype(np.int64)).to(device) for name in ("labels", "stars"))
    origin = "Women's E-Commerce Clothing Reviews (CC0), embedded by all-MiniLM-L6-v2"
    embedded = torch.from_numpy(embeddings).to(device)
    return Reviews(titles, bodies, embedded, labels, stars, ("not recommended", "recommended"), origin)
