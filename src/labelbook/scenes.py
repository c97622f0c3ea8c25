"""Generated data whose truth is known to the pixel: garments from Fashion-MNIST pasted onto photographs.

The backgrounds are scikit-learn's two sample photos, china.jpg by danielbuechele and flower.jpg by vultilion (Flickr,
both CC BY 2.0). The garments carry the licence of Fashion-MNIST (MIT).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from . import data

GROUPS = ("background", "top", "trousers", "dress", "footwear", "bag")
DYES = ((0.95, 0.4, 0.35), (0.35, 0.5, 0.95), (0.95, 0.8, 0.3), (0.4, 0.8, 0.45), (0.75, 0.45, 0.85))  # one a group
GROUP_OF = (1, 2, 1, 3, 1, 4, 1, 4, 5, 4)  # the group of each of Fashion-MNIST's ten classes
SPLITS = {
    "train": ("train", slice(0, 16_000)),
    "validation": ("train", slice(16_000, 20_000)),
    "test": ("test", slice(0, 5_000)),
}
_CHUNK = 128  # scenes drawn at once; bounds memory, changes nothing


@dataclass(frozen=True)
class Scenes:
    """Scenes with everything that is known about them. N scenes of H by W pixels, with up to M objects each.

    Attributes:
        images: float32 [N,3,H,W] in [0, 1].
        masks: int64 [N,H,W], the group of garments at each pixel, 0 (background) to 5; indexes `names`.
        instances: int64 [N,H,W], which object is seen at each pixel: 0 for background, 1 to M in the order of pasting.
        boxes: float32 [N,M,4], (x1, y1, x2, y2) of what is visible of each object, in pixel edges, so that
            `x2 - x1` is its width; zeros where `classes` is 0.
        classes: int64 [N,M], the group of each object; 0 where there is none or nothing of it is visible.
        garments: int64 [N,M], the Fashion-MNIST class (0 to 9) of each object; -1 where `classes` is 0.
        names: the six names of the groups.
        origin: one line on where the scenes came from.
    """

    images: Tensor
    masks: Tensor
    instances: Tensor
    boxes: Tensor
    classes: Tensor
    garments: Tensor
    names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index) -> Scenes:
        """The scenes at `index` (a slice, a list or a tensor; an integer would lose the first dimension)."""
        fields = ("images", "masks", "instances", "boxes", "classes", "garments")
        return replace(self, **{name: getattr(self, name)[index] for name in fields})


def garment_scenes(
    n: int,
    seed: int,
    *,
    split: str = "train",
    size: int = 48,
    objects: tuple[int, int] = (1, 3),
    sides: tuple[float, float] | None = None,
    groups: Sequence[float] | None = None,
    tints: tuple[float, float] = (0.3, 1.0),
    dyed: float = 0.0,
    opacity: tuple[float, float] = (1.0, 1.0),
    backdrop: tuple[float, float] = (0.5, 1.0),
    noise: tuple[float, float] = (0.03, 0.1),
    device="cpu",
) -> Scenes:
    """Garments on photographs: 1 to 3 silhouettes, scaled, mirrored, turned and tinted, later ones in front.

    Drawn on the CPU in float64, so that a seed gives the same scenes on every machine; moved to `device` at the end.
    The first scenes of a longer draw are the scenes of a shorter one. Splits share the two background photos, never a
    garment: "train" takes the first 16,000 embedded training images, "validation" the last 4,000, "test" the test images.

    Args:
        n: how many scenes.
        seed: from 0. The same seed gives unrelated scenes in different splits.
        split: "train", "validation" or "test".
        size: height and width in pixels, 16 to 400.
        objects: the fewest and the most objects of a scene, both included.
        sides: range of the longer side of a garment in pixels, by default a third to five eighths of `size` (16 to 30 of 48).
        groups: five weights, how often tops, trousers, dresses, footwear and bags are drawn; by default as in
            Fashion-MNIST (4, 1, 1, 3, 1). Weights of zero leave a group out.
        tints: range of the red, green and blue factors of a garment's colour, in [0, 1].
        dyed: how far each colour is drawn towards the dye of its group, in [0, 1]: at 0 only the shape tells the groups
            apart, at 1 the colour gives them away, in between it hints at them, as the grey of a tissue does in a scan.
        opacity: range of the garments' opacity, in (0, 1]; below 1 the background shines through.
        backdrop: range over scenes of the background's brightness, in [0, 1]: a dark one is an easy scene.
        noise: range over scenes of the standard deviation of the pixel noise.
        device: where the tensors go.

    Raises:
        ValueError: an argument outside of its range.
        DataError: Fashion-MNIST's embedded files are missing or damaged.
    """
    sides = sides or (size / 3, size * 5 / 8)
    ranges = {"tints": tints, "dyed": (dyed, dyed), "opacity": opacity, "backdrop": backdrop, "noise": noise}
    _check(n, seed, split, size, objects, sides, groups, ranges)
    name, part = SPLITS[split]
    pool = data.fashion_mnist(name)[part]
    weights = torch.ones(len(pool)) if groups is None else _weights(pool.labels, groups)
    stream = [seed, list(SPLITS).index(split)]
    uniform, normal = np.random.default_rng([*stream, 0]), np.random.default_rng([*stream, 1])
    chunks = []
    for begin in range(0, n, _CHUNK):
        count = min(_CHUNK, n - begin)
        draws = torch.from_numpy(uniform.random((count, 10 * (1 + objects[1]))))
        grain = torch.from_numpy(normal.standard_normal((count, 3, size, size), dtype=np.float32)).double()
        chunks.append(_draw(draws, grain, pool, weights, size, objects, sides, ranges))
    joined = [torch.cat(parts).to(device) for parts in zip(*chunks, strict=True)]
    return Scenes(*joined, GROUPS, f"garment scenes, {split} garments, seed {seed}")


def silhouette(image: np.ndarray) -> np.ndarray:
    """The outline of a garment, bool [H,W], from uint8 [H,W]: brighter than a tenth, largest piece, holes filled.

    Raises:
        ValueError: nothing in the picture is brighter than a tenth.
    """
    from scipy import ndimage

    pieces, found = ndimage.label(image > 0.1 * 255)
    if found == 0:
        raise ValueError("the picture is empty: no pixel is brighter than a tenth")
    largest = 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    return ndimage.binary_fill_holes(pieces == largest)


# ---------------------------------------------------------------------------------------------------------- drawing


def _check(n, seed, split, size, objects, sides, groups, ranges) -> None:
    def ordered(low, high):
        return low <= high

    requirements = {
        f"n counts scenes, from 1: got {n}": n >= 1,
        f"a seed is an integer from 0: got {seed}": int(seed) == seed and seed >= 0,
        f"split is one of {', '.join(SPLITS)}: got {split!r}": split in SPLITS,
        f"size is 16 to 400 pixels: got {size}": 16 <= size <= 400,
        f"objects is a range of counts from 1: got {objects}": ordered(*objects) and objects[0] >= 1,
        f"sides is a range within 4 to {size} pixels: got {sides}": ordered(*sides)
        and sides[0] >= 4
        and sides[1] <= size,
        f"groups is five weights from 0, not all 0: got {groups}": groups is None
        or (len(groups) == 5 and min(groups) >= 0 and sum(groups) > 0),
    }
    for what, (low, high) in ranges.items():
        requirements[f"{what} is a range within [0, 1]: got {(low, high)}"] = 0 <= low <= high <= 1
    for message, holds in requirements.items():
        if not holds:
            raise ValueError(message)


def _between(u: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * u


def _weights(labels: Tensor, groups) -> Tensor:
    """How often each garment is drawn, [len(labels)], so that the groups come as often as asked."""
    group = torch.tensor(GROUP_OF)[labels] - 1
    share = torch.tensor(groups, dtype=torch.float64) / torch.bincount(group, minlength=5)
    return share[group]


def _draw(draws: Tensor, grain: Tensor, pool, weights, size: int, objects, sides, ranges) -> tuple[Tensor, ...]:
    """One chunk of scenes from uniform numbers [n, 10 + 10M] and standard normal ones [n,3,size,size]."""
    n, most = len(draws), objects[1]
    scene, thing = draws[:, :10], draws[:, 10:].view(n, most, 10)
    images = _backgrounds(scene[:, :6], size, ranges["backdrop"])
    present = torch.arange(most) < (objects[0] + (scene[:, 6:7] * (most - objects[0] + 1)).long())
    ladder = weights.double().cumsum(0)
    which = torch.searchsorted(ladder, thing[..., 0].contiguous() * ladder[-1], right=True).clamp_max(len(pool) - 1)
    cover, shade = _place(pool, which, thing, size, sides)
    cover = cover * present[..., None, None]

    tint = _between(thing[..., 5:8], *ranges["tints"])
    group = torch.tensor(GROUP_OF)[pool.labels[which]]
    tint = tint + ranges["dyed"][0] * (torch.tensor(DYES, dtype=torch.float64)[group - 1] - tint)
    colour = tint[..., None, None] * (0.3 + 0.7 * shade)[:, :, None]
    alpha = (cover * _between(thing[..., 8], *ranges["opacity"])[..., None, None])[:, :, None]
    instances = torch.zeros(n, size, size, dtype=torch.int64)
    for j in range(most):
        images = images + alpha[:, j] * (colour[:, j] - images)
        instances = torch.where(cover[:, j] > 0.5, j + 1, instances)

    seen = instances[:, None] == torch.arange(1, most + 1).view(1, most, 1, 1)
    visible = seen.flatten(2).any(2)
    garments = torch.where(visible, pool.labels[which], -1)
    classes = torch.where(visible, group, 0)
    masks = torch.gather(F.pad(classes, (1, 0)), 1, instances.flatten(1)).view_as(instances)

    images = _blur(images, scene[:, 7] * size / 48)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = mean + _between(scene[:, 8], 0.5, 1.0).view(n, 1, 1, 1) * (images - mean)
    images = images + _between(scene[:, 9], *ranges["noise"]).view(n, 1, 1, 1) * grain
    return images.clamp(0, 1).float(), masks, instances, _boxes(seen), classes, garments


@functools.cache
def _photos() -> Tensor:
    """Both photos, float64 [2,3,427,640] in [0, 1]."""
    from sklearn.datasets import load_sample_images

    photos = np.stack(load_sample_images().images)
    return torch.from_numpy(photos).permute(0, 3, 1, 2).double() / 255


def _backgrounds(u: Tensor, size: int, backdrop) -> Tensor:
    """Square crops of the photos, one to three times `size` wide and shrunk to it, mirrored or not, darkened."""
    photos = _photos()
    height, width = photos.shape[2:]
    crop = size * _between(u[:, 0], 1.0, min(3.0, height / size))
    left, top = u[:, 1] * (width - crop), u[:, 2] * (height - crop)
    steps = (torch.arange(size).double() + 0.5) / size
    across = torch.where(u[:, 3:4] < 0.5, steps, 1 - steps)
    x, y = left[:, None] + across * crop[:, None], top[:, None] + steps * crop[:, None]
    grid = torch.stack(
        [
            (2 * x / width - 1)[:, None, :].expand(-1, size, -1),
            (2 * y / height - 1)[:, :, None].expand(-1, -1, size),
        ],
        -1,
    )
    second = (u[:, 4] < 0.5).view(-1, 1, 1, 1)
    first, other = (F.grid_sample(photo.expand(len(u), -1, -1, -1), grid, align_corners=False) for photo in photos)
    return torch.where(second, other, first) * _between(u[:, 5], *backdrop).view(-1, 1, 1, 1)


def _place(pool, which: Tensor, u: Tensor, size: int, sides) -> tuple[Tensor, Tensor]:
    """Cover [n,M,size,size] (1 inside of the silhouette, soft at its edge) and grey values of each object in place."""
    n, most = which.shape
    pictures = pool.images[which.flatten(), 0].numpy()
    outlines = np.stack([silhouette(picture) for picture in pictures])
    spans = []
    for axis in (1, 2):  # columns give the horizontal extent, rows the vertical one
        line = outlines.any(axis)
        first, last = line.argmax(1), line.shape[1] - line[:, ::-1].argmax(1)
        spans.append((first, last))
    middle = torch.from_numpy(np.stack([(a + b) / 2 for a, b in spans], 1))
    longest = torch.from_numpy(np.stack([b - a for a, b in spans], 1)).max(1).values

    u = u.flatten(0, 1)
    side = _between(u[:, 1], *sides)
    zoom = longest / side  # source pixels for one pixel of the scene
    centre = side[:, None] / 2 + u[:, 2:4] * (size - side)[:, None]
    angle = torch.deg2rad(_between(u[:, 4], -20.0, 20.0))
    mirror = torch.where(u[:, 9] < 0.5, 1.0, -1.0).double()
    at = torch.arange(size).double() + 0.5
    dx, dy = at[None, None, :] - centre[:, :1, None], at[None, :, None] - centre[:, 1:, None]
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    x = (cos * dx + sin * dy) * (zoom * mirror)[:, None, None] + middle[:, :1, None]
    y = (cos * dy - sin * dx) * zoom[:, None, None] + middle[:, 1:, None]
    both = torch.from_numpy(np.stack([outlines, pictures / 255.0], 1)).double()
    placed = F.grid_sample(both, torch.stack([x, y], -1) * (2 / both.shape[-1]) - 1, align_corners=False)
    cover, shade = placed.view(n, most, 2, size, size).unbind(2)
    return cover, shade


def _blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of [n,3,H,W] with a width for each image; the border is repeated."""
    n, channels, size = len(images), images.shape[1], images.shape[2]
    radius = max(1, round(3 * float(size) / 48))
    offsets = torch.arange(-radius, radius + 1).double()
    kernel = torch.exp(-(offsets**2) / (2 * sigma.clamp_min(1e-3)[:, None] ** 2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)[:, None]
    flat = F.pad(images.reshape(1, n * channels, size, size), (radius,) * 4, mode="replicate")
    flat = F.conv2d(flat, kernel[..., None], groups=n * channels)
    return F.conv2d(flat, kernel[:, :, None], groups=n * channels).view_as(images)


def _boxes(seen: Tensor) -> Tensor:
    """Boxes float32 [n,M,4] around bool [n,M,H,W]; zeros where nothing is seen."""
    edges = []
    for line in (seen.any(2), seen.any(3)):  # columns, then rows
        first = line.int().argmax(2)
        last = line.shape[2] - line.flip(2).int().argmax(2)
        edges += [torch.where(line.any(2), side, 0) for side in (first, last)]
    x1, x2, y1, y2 = edges
    return torch.stack([x1, y1, x2, y2], 2).float()
