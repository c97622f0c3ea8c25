"""Fashion-MNIST: 28x28 grey pictures of ten kinds of garments (Zalando, MIT licence)."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch

from .. import resources
from ._types import LabelledImages

NAMES = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
EMBEDDED = {"train": 20_000, "test": 5_000}
FULL = {"train": 60_000, "test": 10_000}
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_FILES = {"train": "train", "test": "t10k"}


def fashion_mnist(split: str = "train", *, source: str = "embedded", device="cpu") -> LabelledImages:
    """Fashion-MNIST, in the original order.

    Args:
        split: "train" or "test".
        source: "embedded" (20,000 and 5,000 images, balanced, always there) or "full" (60,000 and 10,000: Debian's
            package `dataset-fashion-mnist` where it is installed, else torchvision's downloader).

    Raises:
        DataError: a file is missing, damaged or cannot be downloaded; says which and what to do.
        ValueError: unknown split or source.
    """
    if split not in EMBEDDED:
        raise ValueError(f"Fashion-MNIST has the splits 'train' and 'test', not {split!r}")
    if source == "embedded":
        images, labels, origin = *_embedded(split), f"Fashion-MNIST, {EMBEDDED[split]:,} embedded images"
    elif source == "full":
        images, labels, origin = _full(split)
    else:
        raise ValueError(f"Fashion-MNIST has the sources 'embedded' and 'full', not {source!r}")
    return LabelledImages(
        torch.from_numpy(images.copy())[:, None].to(device),
        torch.from_numpy(labels.astype(np.int64)).to(device),
        NAMES,
        origin,
    )


def _embedded(split: str) -> tuple[np.ndarray, np.ndarray]:
    path = resources.verified(f"data/fashion-mnist/{split}.npz")
    with np.load(path, allow_pickle=False) as archive:
        return archive["images"], archive["labels"]


def _full(split: str) -> tuple[np.ndarray, np.ndarray, str]:
    if DEBIAN_FOLDER.is_dir():
        arrays = [
            _read_idx(DEBIAN_FOLDER / f"{_FILES[split]}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1")
        ]
        if len(arrays[0]) != FULL[split] or len(arrays[1]) != FULL[split]:
            raise resources.DataError(
                f"{DEBIAN_FOLDER} holds {len(arrays[0])} images and {len(arrays[1])} labels where {FULL[split]} of each "
                "belong. Reinstall the package dataset-fashion-mnist."
            )
        return *arrays, "Fashion-MNIST, complete (Debian package)"
    import torchvision

    try:
        found = torchvision.datasets.FashionMNIST(resources.cache_folder(), train=split == "train", download=True)
    except (OSError, RuntimeError, zipfile.BadZipFile) as error:
        raise resources.DataError(
            f"The complete Fashion-MNIST could not be downloaded to {resources.cache_folder()} ({error}). "
            "Install Debian's package dataset-fashion-mnist, or go on with the embedded 20,000 images."
        ) from error
    # Torchvision checks what it downloads, and later trusts what it unpacked from that; so the packed files are read here.
    digests, folder = dict(found.resources), Path(found.raw_folder)
    paths = [folder / f"{_FILES[split]}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
    for path in paths:
        if not torchvision.datasets.utils.check_integrity(path, digests[path.name]):
            raise resources.DataError(f"{path} is missing or damaged. Delete the folder {folder} and try again.")
    return *map(_read_idx, paths), "Fashion-MNIST, complete (torchvision)"


def _read_idx(path: Path) -> np.ndarray:
    """An array in the IDX format: two zero bytes, type 8 (unsigned byte), number of dimensions, sizes, values."""
    try:
        raw = gzip.decompress(path.read_bytes())
        shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise resources.DataError(
            f"{path} is missing or damaged ({error}). Reinstall Debian's package dataset-fashion-mnist."
        ) from error
