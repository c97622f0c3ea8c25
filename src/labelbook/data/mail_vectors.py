"""What a sentence encoder says of the embedded mails: similarities to descriptions of ham and spam, and vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import resources


@dataclass(frozen=True)
class MailVectors:
    """The encoder's view of the mails of `mails("train")` followed by those of `mails("test")`.

    `similarity` float32 [2,N,2P]: MiniLM cosines of a mail's first 30 words (0) and its next 45 (1) with the two texts
    of each pair in `prompts`, the first of which describes ham; off by up to 0.004. `vectors` float32 [N,96]: the sum
    of the embeddings of the two views, on its first 96 principal components.
    """

    similarity: Tensor
    vectors: Tensor
    prompts: tuple[tuple[str, str], ...]
    origin: str

    def __len__(self):
        return len(self.vectors)


def mail_vectors(*, device="cpu") -> MailVectors:
    """Similarities and vectors of the 5,068 mails of the splits "train" and "test", in that order.

    Raises:
        DataError: the embedded file is missing or damaged; says what to do.
    """
    with np.load(resources.verified("data/mails/vectors.npz"), allow_pickle=False) as archive:
        similarity = torch.from_numpy(archive["similarity"] / np.float32(127)).to(device)
        vectors = torch.from_numpy(archive["vectors"] * archive["scale"]).to(device)
        prompts = tuple(tuple(pair) for pair in archive["prompts"].tolist())
    return MailVectors(similarity, vectors, prompts, "SpamAssassin's mails, embedded by all-MiniLM-L6-v2")
