"""What happens to labels. Each function takes true labels and a generator and returns labels that are wrong in a known way."""

from __future__ import annotations

import torch
from torch import Tensor


def transition_noise(labels: Tensor, transition: Tensor, generator: torch.Generator) -> Tensor:
    """Redraw each label from the row of its class.

    Args:
        labels: true classes, LongTensor[N] in 0..C-1.
        transition: row-stochastic [C,C]; entry (i, j) is P(noisy = j | true = i).

    Returns:
        LongTensor[N].

    Raises:
        ValueError: rows that do not sum to 1, or negative entries.
    """
    rows = transition.sum(1)
    if bool((transition < 0).any()) or not torch.allclose(rows, torch.ones_like(rows), atol=1e-5):
        raise ValueError("a transition matrix has non-negative rows that sum to 1")
    return torch.multinomial(transition[labels], 1, generator=generator).squeeze(1)


def symmetric_noise(
    labels: Tensor, rate: float, num_classes: int, generator: torch.Generator, *, include_true: bool = False
) -> Tensor:
    """With probability `rate` replace a label by a uniformly drawn other class.

    Args:
        labels: LongTensor[N].
        rate: share in [0, 1].
        include_true: draw from all classes, the true one too, so that only `rate * (C - 1) / C` become wrong.

    Raises:
        ValueError: `rate` outside of [0, 1].
    """
    _check_rate(rate)
    off = rate / (num_classes if include_true else num_classes - 1)
    transition = torch.full((num_classes, num_classes), off, device=labels.device)
    transition.fill_diagonal_(1 - off * (num_classes - 1))
    return transition_noise(labels, transition, generator)


def pair_noise(
    labels: Tensor, rate: float, confused_with: dict[int, int], num_classes: int, generator: torch.Generator
) -> Tensor:
    """With probability `rate` replace class i by `confused_with[i]`; classes that are not named keep their labels.

    Raises:
        ValueError: `rate` outside of [0, 1].
    """
    _check_rate(rate)
    transition = torch.eye(num_classes)
    for true, other in confused_with.items():
        transition[true, true] = 1 - rate
        transition[true, other] += rate
    return transition_noise(labels, transition.to(labels.device), generator)


def _check_rate(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"a noise rate is a share from 0 to 1, got {rate}")
