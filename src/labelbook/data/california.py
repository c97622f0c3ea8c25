"""California housing: what houses were worth in each block group of the 1990 US census (Pace and Barry 1997)."""

from __future__ import annotations

import numpy as np

from .. import resources
from ._types import Table

NAMES = ("MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude")


def california_housing() -> Table:
    """20,640 block groups, eight columns; targets are median house values in 100,000 dollars, 965 of them cut off at 5.

    Raises:
        DataError: the embedded file is missing or damaged; says which and what to do.
    """
    path = resources.verified("data/california-housing/california.npz")
    with np.load(path, allow_pickle=False) as archive:
        inputs, targets = archive["inputs"].astype(np.float64), archive["targets"].astype(np.float64)
    return Table(inputs, targets, NAMES, "California housing, 1990 US census")
