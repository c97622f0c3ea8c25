"""The left atrium of the heart in MRI volumes (2018 challenge, in UA-MT's copy): downloaded once, verified.

The volumes come without a licence, with the request to cite Yu et al. (MICCAI 2019) and Xiong et al. (Medical Image
Analysis, 2020): show numbers and plots of them, not the pictures. Of 100 volumes this module lists 14: the first ten of
the repository's training list and the first four of its test list.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import resources

NAMES = ("background", "left atrium")
COMMIT = "88ed29ad794f877122e542a7fa9505a76fa83515"
REPOSITORY = "yulequan/UA-MT"
ADDRESS = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/data/2018LA_Seg_Training%20Set"
FOLDER = "la-mri/data/2018LA_Seg_Training Set"
DEPTH = 88  # slices a volume
VOLUMES = {
    "train": {
        "06SR5RBREL16DQ6M8LWS": "ae44895d7b9087c76e729186acc4b180bfcacb89d5f06a4a7f30ed874f13e857",
        "0RZDK210BSMWAA6467LU": "cc0abb17087e575074c1d48ca7881852cfa30b226d7b73b4739709cc5439e7de",
        "1D7CUD1955YZPGK8XHJX": "e465f81bf18c6d68b30fa006c389281e7365e6341d3dae3c57f5a21528b643cc",
        "1GU15S0GJ6PFNARO469W": "97010a90ac17a9c08faadd9148b0179028eaceb9ef310b2e3bd3b8ba8f188571",
        "1MHBF3G6DCPWHSKG7XCP": "07226cd6435943e5feeb85288e47c1e29feae1366efd352d062a229aa9606e2c",
        "23X6SY44VT9KFHR7S7OC": "ccd4b4d46ee9fb77f9441a0248eb1db231087af967eb6f87bf15525c76a21a79",
        "2XL5HSFSE93RMOJDRGR4": "5b2b3c7a500a5f426a3d30cb3cf5d66ec94da7875a907c6e8783489e0fe40641",
        "38CWS74285MFGZZXR09Z": "4f9676824a598c5d1e25ce19000f14349b67d995af73702cb61c22eea8410671",
        "3C2QTUNI0852XV7ZH4Q1": "d3271ab6cba9cbf8751b4bd48817a88e1f2613150223d40cc8319e1646a6c9b1",
        "3DA0T2V6JJ2NLUAV6FWM": "d4d00f7353d70acb9554993a31feb5f1982c4611d2107c656ea37c0b96a19712",
    },
    "test": {
        "UPT6DX9IQY9JAZ7HJKA7": "75efd42a031ae9ff22a31d78f0947839d43217f8c48d53019953f6b901590e79",
        "UTBUJIWZMKP64E3N73YC": "6901f57a3a54e02f7a7020d0317c8a2266b284b5ebeb17bcec0df3e5fae4a32d",
        "ULHWPWKKLTE921LQLH1P": "ec19963666319cace91f3127b08b86344c71fa654247f44e8307f2cae9f60a63",
        "V0MZOWJ6MU3RMRCV9EXR": "ad11fae8c76e96591e2d7f46257ab2370d3629999d779803c8f6ba66b28bcc8e",
    },
}


@dataclass(frozen=True)
class Slices:
    """Slices of volumes with a class for every pixel.

    `images` float32 [N,1,H,W], `masks` int64 [N,H,W] with classes 0..K-1, `volumes` int64 [N] (which volume a slice
    belongs to, from 0), the K class names, and where they came from.
    """

    images: Tensor
    masks: Tensor
    volumes: Tensor
    names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index) -> Slices:
        return replace(self, images=self.images[index], masks=self.masks[index], volumes=self.volumes[index])


def left_atrium(split: str = "train", *, size: int = 48, every: int = 3, device="cpu") -> Slices:
    """Axial slices of cardiac MRI volumes, shrunk to squares, in the order of the repository's lists.

    Volumes are cropped around the atrium, about 190 by 140 pixels and 88 slices; a square stretches them a little. Each
    volume has mean 0 and standard deviation 1 after shrinking.

    Args:
        split: "train" (10 volumes) or "test" (4 of other patients).
        size: height and width to shrink to, 8 to 128; images by averaging, masks by the nearest pixel.
        every: take each `every`-th slice of the middle three quarters of a volume.

    Raises:
        DataError: h5py is not installed, or a file cannot be downloaded, is not the listed one, or cannot be read.
        ValueError: unknown split, or a size or step out of range.
    """
    if split not in VOLUMES:
        raise ValueError(f"the left atrium has the splits 'train' and 'test', not {split!r}")
    if not (8 <= size <= 128 and 1 <= every <= DEPTH // 2):
        raise ValueError(f"left atrium: size is 8 to 128 and every 1 to {DEPTH // 2}, got {size} and {every}")
    names = list(VOLUMES[split])
    with ThreadPoolExecutor(4) as pool:  # the downloads wait for the network, not for each other
        contents = list(pool.map(lambda name: _content(split, name), names))
    pairs = [_read(content, name) for content, name in zip(contents, names, strict=True)]
    images, masks = zip(*(_shrink(image, label, size, every) for image, label in pairs), strict=True)
    volumes = torch.arange(len(names)).repeat_interleave(len(images[0]))
    return Slices(
        torch.cat(images).to(device),
        torch.cat(masks).to(device),
        volumes.to(device),
        NAMES,
        f"left atrium MRI, {len(names)} {split} volumes, every {every}. slice at {size} by {size}",
    )


def _content(split: str, name: str) -> bytes:
    file, title = f"{name}/mri_norm2.h5", f"The MRI volume {name}"
    instead = f"Put the folder data of {REPOSITORY} at {COMMIT[:12]} into {resources.cache_folder() / 'la-mri'}."
    address, digest = f"{ADDRESS}/{file}", VOLUMES[split][name]
    return resources.downloaded(f"{FOLDER}/{file}", address, digest, title=title, instead=instead)


def _read(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Image float32 and label uint8, both [H,W,88]."""
    try:
        import h5py
    except ImportError as error:
        raise resources.DataError("The MRI volumes need h5py: `pip install h5py`.") from error
    try:
        with h5py.File(io.BytesIO(content)) as file:
            return file["image"][:], file["label"][:]
    except (OSError, KeyError) as error:
        raise resources.DataError(f"The MRI volume {name} cannot be read ({error}).") from error


def _shrink(image: np.ndarray, label: np.ndarray, size: int, every: int) -> tuple[Tensor, Tensor]:
    """Slices float32 [n,1,size,size] and masks int64 [n,size,size]."""
    kept = slice(DEPTH // 8, DEPTH - DEPTH // 8, every)
    pictures = torch.from_numpy(image[:, :, kept]).permute(2, 0, 1)[:, None].float()
    masks = torch.from_numpy(label[:, :, kept]).permute(2, 0, 1)[:, None].float()
    pictures = F.interpolate(pictures, size=(size, size), mode="area")
    pictures = (pictures - pictures.mean()) / pictures.std()
    return pictures, F.interpolate(masks, size=(size, size), mode="nearest-exact")[:, 0].long()
