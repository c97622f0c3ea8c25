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


def instance_noise(
    features: Tensor, labels: Tensor, rate: float, num_classes: int, generator: torch.Generator
) -> Tensor:
    """Replace labels by classes that depend on the example, after Xia and others (NeurIPS 2020, arXiv 2006.07836).

    Each example draws its own rate, N(`rate`, 0.1) cut off evenly on both sides so that the mean is `rate`. One random
    matrix a true class maps the features to a score for each other class; a wrong label is drawn from the softmax of
    these scores. Examples that look alike are therefore called alike. The larger the features, the more surely.

    Args:
        features: what the mistakes depend on, float [N,...]; usually the pictures, standardised.
        labels: true classes, LongTensor[N] in 0..C-1.
        rate: expected share of wrong labels, in [0, 1].

    Returns:
        LongTensor[N].

    Raises:
        ValueError: `rate` outside of [0, 1], or not one example of features a label.
    """
    _check_rate(rate)
    if len(features) != len(labels):
        raise ValueError(f"need one example of features a label, got {len(features)} and {len(labels)}")
    device, width = labels.device, min(rate, 1 - rate)
    wrong = torch.empty(len(labels), 1, device=device)
    torch.nn.init.trunc_normal_(wrong, rate, 0.1, rate - width, rate + width, generator=generator)
    flat = features.flatten(1)
    scores = torch.empty(len(labels), num_classes, device=device)
    for c in range(num_classes):
        matrix = torch.randn(flat.shape[1], num_classes, generator=generator, device=device)
        scores[labels == c] = flat[labels == c] @ matrix
    own = torch.nn.functional.one_hot(labels, num_classes).bool()
    chances = wrong * scores.masked_fill(own, -torch.inf).softmax(1)
    return torch.multinomial(torch.where(own, 1 - wrong, chances), 1, generator=generator).squeeze(1)


def _check_rate(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"a noise rate is a share from 0 to 1, got {rate}")


def jitter_masks(
    masks: Tensor,
    pixels: int,
    generator: torch.Generator,
    *,
    objects: Tensor | None = None,
    background: int | None = 0,
) -> Tensor:
    """Redraw the border of each object, as another annotator might: the whole outline moves out or in by 1 to `pixels`.

    A growing object takes the pixels around it; a shrinking one gives its rim to whatever touches it there. One step
    moves a border by one pixel up, down, left or right. Objects take their turns in the order of their numbers. The
    edge of the picture is no border.

    Args:
        masks: classes, int64 [N,H,W].
        pixels: the largest shift; each object draws uniformly from -pixels, ..., -1, 1, ..., pixels. 0 changes nothing.
        objects: which object each pixel belongs to, int64 [N,H,W], 0 for none. By default the pixels of one class in
            one mask are one object, except those of `background`.
        background: the class that is no object; None where there is no such class. Used only without `objects`.

    Returns:
        int64 [N,H,W]. A pixel that changes hands takes the class of the object it goes to.

    Raises:
        ValueError: `pixels` below 0, masks that are not [N,H,W], or objects of another shape.
    """
    if pixels < 0 or masks.ndim != 3 or (objects is not None and objects.shape != masks.shape):
        raise ValueError(
            f"jitter needs pixels from 0, masks [N,H,W] and objects of their shape: got {pixels}, {tuple(masks.shape)}"
            + ("" if objects is None else f", {tuple(objects.shape)}")
        )
    if pixels == 0 or masks.numel() == 0:
        return masks.clone()
    if objects is None:
        objects = masks + 1 if background is None else torch.where(masks == background, 0, masks + 1)
    most = int(objects.max())
    shifts = torch.randint(1, pixels + 1, (len(masks), most), generator=generator, device=masks.device)
    sign = torch.randint(0, 2, (len(masks), most), generator=generator, device=masks.device) * 2 - 1
    labels, owner = masks.clone(), objects
    for j in range(most):
        grows = (sign[:, j] > 0).view(-1, 1, 1)
        for step in range(pixels):
            moves = (shifts[:, j] > step).view(-1, 1, 1)
            around_owner, around_label = _neighbours(owner), _neighbours(labels)
            new_owner, new_labels = owner, labels
            for other, label in zip(around_owner, around_label, strict=True):
                taken = (
                    torch.where(grows, (owner != j + 1) & (other == j + 1), (owner == j + 1) & (other != j + 1)) & moves
                )
                new_owner, new_labels = torch.where(taken, other, new_owner), torch.where(taken, label, new_labels)
            owner, labels = new_owner, new_labels
    return labels


def _neighbours(values: Tensor) -> list[Tensor]:
    """What lies above, below, left and right of each pixel of [N,H,W]; at the edge of the picture the pixel itself."""
    h, w = values.shape[1:]
    up, down = torch.arange(-1, h - 1).clamp_min(0), torch.arange(1, h + 1).clamp_max(h - 1)
    left, right = torch.arange(-1, w - 1).clamp_min(0), torch.arange(1, w + 1).clamp_max(w - 1)
    device = values.device
    return [
        values[:, up.to(device)],
        values[:, down.to(device)],
        values[:, :, left.to(device)],
        values[:, :, right.to(device)],
    ]
