"""Blood cells under the microscope with a box around each (BCCD, MIT licence): downloaded once, verified.

The file blood.tsv beside this module lists the 364 photos with their split and the checksums of photo and boxes.
"""

from __future__ import annotations

import functools
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor

from .. import resources

NAMES = ("red cell", "white cell", "platelet")
_KINDS = {"RBC": 0, "WBC": 1, "Platelets": 2}
SIZES = {"train": 205, "validation": 87, "test": 72}
COMMIT = "d272fb14cdff6e473fafeeeba32aba5f560e9e43"
REPOSITORY = "Shenggan/BCCD_Dataset"
ADDRESS = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/BCCD"
FOLDER = "bccd/BCCD"
HEIGHT, WIDTH = 480, 640
_LISTED = Path(__file__).with_suffix(".tsv")


@dataclass(frozen=True)
class BoxedImages:
    """Images with boxes: N pictures of H by W pixels with up to M objects each.

    `images` uint8 [N,3,H,W]; `boxes` float32 [N,M,4], (x1, y1, x2, y2) in pixel edges, zeros where there is no object;
    `classes` int64 [N,M] in 0..C-1, -1 where there is none; the C class names; where they came from.
    """

    images: Tensor
    boxes: Tensor
    classes: Tensor
    names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index) -> BoxedImages:
        return replace(self, images=self.images[index], boxes=self.boxes[index], classes=self.classes[index])

    def floats(self) -> Tensor:
        """Images as float32 in [0, 1]."""
        return self.images.float() / 255


def blood_cells(split: str = "train", *, size: tuple[int, int] = (96, 128), device="cpu") -> BoxedImages:
    """Photos of blood smears, 480 by 640 pixels, shrunk to `size` by averaging, boxes with them.

    Two boxes without area are left out. Red cells are by far the most frequent; not every cell has its box.

    Args:
        split: "train" (205 photos), "validation" (87) or "test" (72), as in the repository.
        size: height and width to shrink to.

    Raises:
        DataError: a file cannot be downloaded, is not the listed one, or cannot be read; says which and what to do.
        ValueError: unknown split, or a size below 1 or above that of the photos.
    """
    if split not in SIZES:
        raise ValueError(f"the blood cells have the splits {', '.join(SIZES)}, not {split!r}")
    height, width = size
    if not (1 <= height <= HEIGHT and 1 <= width <= WIDTH):
        raise ValueError(f"the blood cell photos are {HEIGHT} by {WIDTH}: cannot shrink them to {height} by {width}")
    names = _listed()[split]
    files = [f"JPEGImages/{n}.jpg" for n in names] + [f"Annotations/{n}.xml" for n in names]
    with ThreadPoolExecutor(8) as pool:  # hundreds of small downloads would queue up one after the other
        contents = list(pool.map(_content, files))
    images = np.stack([_picture(c, f, (width, height)) for c, f in zip(contents, files[: len(names)], strict=False)])
    objects = [_objects(c, f) for c, f in zip(contents[len(names) :], files[len(names) :], strict=True)]
    most = max(len(classes) for _, classes in objects)
    boxes, classes = torch.zeros(len(names), most, 4), torch.full((len(names), most), -1)
    scale = torch.tensor([width / WIDTH, height / HEIGHT] * 2)
    for i, (found, kinds) in enumerate(objects):
        boxes[i, : len(kinds)], classes[i, : len(kinds)] = torch.tensor(found).view(-1, 4) * scale, torch.tensor(kinds)
    return BoxedImages(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(device),
        boxes.to(device),
        classes.to(device),
        NAMES,
        f"BCCD blood cells, {len(names)} {split} photos at {height} by {width}",
    )


@functools.cache
def _rows() -> tuple[tuple[str, str, str, str], ...]:
    """(split, name, sha256 of the photo, sha256 of the boxes) of each listed photo."""
    return tuple(tuple(line.split("\t")) for line in _LISTED.read_text(encoding="utf-8").splitlines())


def _listed() -> dict[str, list[str]]:
    return {split: [row[1] for row in _rows() if row[0] == split] for split in SIZES}


@functools.cache
def _checksums() -> dict[str, str]:
    """The listed files, relative to BCCD's folder, and their sha256."""
    photos = {f"JPEGImages/{name}.jpg": photo for _, name, photo, _ in _rows()}
    return photos | {f"Annotations/{name}.xml": boxes for _, name, _, boxes in _rows()}


def _content(file: str) -> bytes:
    instead = f"Put the folder BCCD of {REPOSITORY} at {COMMIT[:12]} into {resources.cache_folder() / 'bccd'}."
    address, title = f"{ADDRESS}/{file}", f"BCCD's {file}"
    return resources.downloaded(f"{FOLDER}/{file}", address, _checksums()[file], title=title, instead=instead)


def _picture(content: bytes, file: str, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    try:
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB").resize(size, Image.BOX))
    except OSError as error:
        raise resources.DataError(f"BCCD's {file} is no picture that can be read ({error}).") from error


def _objects(content: bytes, file: str) -> tuple[list[list[float]], list[int]]:
    """Boxes (x1, y1, x2, y2) in pixels of the photo and their classes."""
    try:
        found = ElementTree.fromstring(content).findall("object")
        kinds = [_KINDS[each.findtext("name")] for each in found]
        edges = [[float(each.findtext(f"bndbox/{k}")) for k in ("xmin", "ymin", "xmax", "ymax")] for each in found]
    except (ElementTree.ParseError, KeyError, TypeError, ValueError) as error:
        raise resources.DataError(f"BCCD's {file} does not list boxes as expected ({error!r}).") from error
    good = [i for i, (x1, y1, x2, y2) in enumerate(edges) if x2 > x1 and y2 > y1]
    return [[max(0.0, v) for v in edges[i]] for i in good], [kinds[i] for i in good]
