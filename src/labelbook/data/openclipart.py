"""Drawings of the Open Clip Art Library: small colour pictures in long-tailed classes, with titles, keywords and text vectors."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .. import resources
from ._types import LabelledImages


@dataclass(frozen=True)
class Drawings(LabelledImages):
    """Drawings with a class, a title and keywords each, and sentence vectors of their texts.

    `images` uint8 [N,3,32,32], `labels` int64 [N]. `titles` and `keywords` are what the artists wrote, often nothing.
    `text_vectors` float32 [N,128] stand for title and keywords together, `title_vectors` [N,128] for the title alone;
    `name_vectors` and `definition_vectors` [K,128] for the names of the classes and for `definitions`, one sentence a
    class; `word_vectors` [W,128] for `words`, each of which has two meanings; `empty_vector` [128] for a text without
    words. All have length 1 (up to rounding), so that their scalar
    products are cosines.
    """

    titles: tuple[str, ...]
    keywords: tuple[str, ...]
    text_vectors: Tensor
    title_vectors: Tensor
    definitions: tuple[str, ...]
    definition_vectors: Tensor
    name_vectors: Tensor
    words: tuple[str, ...]
    word_vectors: Tensor
    empty_vector: Tensor

    def __getitem__(self, index) -> Drawings:
        rows = torch.arange(len(self), device=self.labels.device)[index].tolist()
        return replace(
            self,
            images=self.images[index],
            labels=self.labels[index],
            titles=tuple(self.titles[i] for i in rows),
            keywords=tuple(self.keywords[i] for i in rows),
            text_vectors=self.text_vectors[index],
            title_vectors=self.title_vectors[index],
        )


def _tiles(content: np.ndarray, places: np.ndarray) -> Tensor:
    """The pictures uint8 [N,3,32,32] at the given places of a sheet of 48 a row (bytes of a lossless WebP)."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(content.tobytes())).convert("RGB"))
    tiles = pixels.reshape(-1, 32, 48, 32, 3).transpose(0, 2, 4, 1, 3).reshape(-1, 3, 32, 32)
    return torch.from_numpy(tiles[places])


def openclipart(split: str, *, device="cpu") -> Drawings:
    """Drawings of 24 classes in random order, from stars (most) to fishes (fewest); three in ten of each class are for testing.

    Args:
        split: "train", "test" or "all".

    Raises:
        DataError: the embedded file is missing or damaged; says what to do.
        ValueError: unknown split.
    """
    if split not in ("train", "test", "all"):
        raise ValueError(f"the drawings have the splits train, test and all, not {split!r}")
    with np.load(resources.verified("data/openclipart/openclipart.npz"), allow_pickle=False) as archive:
        stored = dict(archive)
    titles, keywords = (tuple(stored[name].tobytes().decode().split("\n")) for name in ("titles", "keywords"))

    def vectors(name: str) -> Tensor:
        return torch.from_numpy(stored[name] * stored["scale"]).to(device)

    drawings = Drawings(
        images=_tiles(stored["sheet"], stored["place"]).to(device),
        labels=torch.from_numpy(stored["labels"].astype(np.int64)).to(device),
        names=tuple(stored["names"].tolist()),
        origin="Open Clip Art Library 0.18 (public domain), 32 by 32 pixels",
        titles=titles,
        keywords=keywords,
        text_vectors=vectors("text_vectors"),
        title_vectors=vectors("title_vectors"),
        definitions=tuple(stored["definitions"].tolist()),
        definition_vectors=vectors("definition_vectors"),
        name_vectors=vectors("name_vectors"),
        words=tuple(stored["words"].tolist()),
        word_vectors=vectors("word_vectors"),
        empty_vector=vectors("empty_vector"),
    )
    test = torch.from_numpy(stored["test"]).to(device)
    return drawings if split == "all" else drawings[test if split == "test" else ~test]
