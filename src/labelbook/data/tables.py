"""Small sets that scikit-learn carries; no network, no files of ours."""

from __future__ import annotations

import numpy as np
import torch

from ._types import LabelledImages, Table


def digits(*, device="cpu") -> LabelledImages:
    """1,797 handwritten digits of 8x8 pixels (UCI, through scikit-learn); intensities 0..16 are stretched to 0..255."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.from_numpy(np.round(found.images * 255 / 16).astype(np.uint8))[:, None]
    return LabelledImages(
        images.to(device),
        torch.from_numpy(found.target.astype(np.int64)).to(device),
        tuple(str(name) for name in found.target_names),
        "digits (scikit-learn)",
    )


def diabetes() -> Table:
    """442 patients, ten standardised measurements, and how far the disease progressed in a year (through scikit-learn)."""
    from sklearn.datasets import load_diabetes

    found = load_diabetes()
    return Table(found.data, found.target, tuple(found.feature_names), "diabetes (scikit-learn)")
