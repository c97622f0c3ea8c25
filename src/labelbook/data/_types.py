"""What loaders return."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class LabelledImages:
    """Images with one class each: `images` uint8 [N,C,H,W], `labels` int64 [N], the class names, and where it came from."""

    images: Tensor
    labels: Tensor
    names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index) -> LabelledImages:
        return replace(self, images=self.images[index], labels=self.labels[index])

    def floats(self) -> Tensor:
        """Images as float32 in [0, 1]."""
        return self.images.float() / 255


@dataclass(frozen=True)
class LabelledMasks:
    """Images with a class for every pixel.

    `images` uint8 [N,C,H,W], `masks` int64 [N,H,W] with classes 0..K-1, the K class names, the number that marks a pixel
    as unlabelled (None where every pixel has a class), and where it came from.
    """

    images: Tensor
    masks: Tensor
    names: tuple[str, ...]
    unlabelled: int | None
    origin: str

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index) -> LabelledMasks:
        return replace(self, images=self.images[index], masks=self.masks[index])

    def floats(self) -> Tensor:
        """Images as float32 in [0, 1]."""
        return self.images.float() / 255


@dataclass(frozen=True)
class Table:
    """A table for regression or classification: inputs [N,D] float64, targets [N], names of the columns, and its origin."""

    inputs: np.ndarray
    targets: np.ndarray
    names: tuple[str, ...]
    origin: str
