"""Adult: who earned more than 50,000 dollars a year in the US census of 1994 (Kohavi 1996)."""

from __future__ import annotations

import numpy as np

from .. import resources
from ._types import Table


def adult() -> Table:
    """12,000 people in random order: five numbers, then seven properties as indicator columns; target 1 above 50,000 dollars.

    Raises:
        DataError: the embedded file is missing or damaged; says which and what to do.
    """
    path = resources.verified("data/adult/adult.npz")
    with np.load(path, allow_pickle=False) as archive:
        columns = [archive["numbers"].astype(np.float64)]
        names = [str(name) for name in archive["number_names"]]
        for codes, listed in zip(archive["codes"].T, archive["code_names"], strict=True):
            column, *categories = str(listed).split("|")
            columns.append(np.eye(len(categories))[codes])
            names += [f"{column}: {category}" for category in categories]
        targets = archive["rich"].astype(np.float64)
    return Table(np.concatenate(columns, 1), targets, tuple(names), "Adult, US census of 1994")
