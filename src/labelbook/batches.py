"""Minibatches and augmentation on the device: data is one tensor, and nothing is done per sample in Python."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def minibatches(
    n: int, batch_size: int, generator: torch.Generator, *, drop_last: bool = False, shuffle: bool = True
) -> Iterator[Tensor]:
    """Indices of one epoch, in batches: LongTensor[batch_size] on the generator's device (the last may be shorter).

    Raises:
        ValueError: `n` or `batch_size` below 1.
    """
    if n < 1 or batch_size < 1:
        raise ValueError(f"an epoch needs examples and a batch size: got n={n}, batch_size={batch_size}")
    device = generator.device
    order = torch.randperm(n, generator=generator, device=device) if shuffle else torch.arange(n, device=device)
    stop = n - n % batch_size if drop_last else n
    for begin in range(0, stop, batch_size):
        yield order[begin : begin + batch_size]


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image of [B,C,H,W] left to right with probability one half."""
    flip = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device) < 0.5
    return torch.where(flip, images.flip(-1), images)


def random_shift(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Shift each image of [B,C,H,W] by up to `pixels` in each direction (pad with zeros, crop back at random)."""
    b, _, h, w = images.shape
    padded = torch.nn.functional.pad(images, (pixels,) * 4)
    dy, dx = torch.randint(0, 2 * pixels + 1, (2, b, 1), generator=generator, device=images.device).squeeze(2)
    # All crops that there are, without a copy: [B,C,2*pixels+1,2*pixels+1,H,W].
    crops = padded.unfold(2, h, 1).unfold(3, w, 1)
    return crops[torch.arange(b, device=images.device), :, dy, dx]
