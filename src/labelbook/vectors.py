"""Numbers that the papers' official code gave for small inputs, and how a function is held against them.

`tests/vectors/<slug>.json` has a list `cases`; each names a `function` of the chapter, its `args` and what is `expected`.
The conformance tests and the handouts for students use the same comparison.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from . import resources


def cases(slug: str) -> list[dict]:
    """The cases of a chapter, in the file's order; none where the chapter has no such file.

    Raises:
        DataError: the file is damaged.
    """
    try:
        path = resources.find(f"tests/vectors/{slug}.json")
    except resources.DataError:
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["cases"]
        _ = [(case["function"], case["args"], case["expected"]) for case in found]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise resources.DataError(f"{path} cannot be used: {error!r}. Restore it with `git checkout`.") from error
    return found


def decode(value):
    """Arguments as the function wants them: tensors and arrays are written as mappings in the file."""
    if isinstance(value, dict) and "tensor" in value:
        import torch

        return torch.tensor(value["tensor"], dtype=getattr(torch, value.get("dtype", "float32")))
    if isinstance(value, dict) and value.get("kind") == "ndarray":
        import numpy as np

        return np.array(value["data"], dtype=value.get("dtype", "float64"))
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    return [decode(item) for item in value] if isinstance(value, list) else value


def leaves(value) -> list:
    """All numbers of nested containers, tensors and arrays, in order."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        value = [value["tensor"]] if "tensor" in value else list(value.values())
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def _close(got, expected, rtol: float, atol: float) -> bool:
    """Equal, or numbers that differ by less than the larger of the two tolerances; NaN equals NaN."""
    if got == expected:
        return True
    try:
        if math.isnan(got) or math.isnan(expected):
            return math.isnan(got) and math.isnan(expected)
        return abs(got - expected) <= max(rtol * abs(expected), atol) and not math.isinf(expected)
    except TypeError:  # words, or nothing
        return False


def difference(got, expected, *, rtol: float = 1e-4, atol: float = 1e-6) -> str | None:
    """What is wrong with `got`, in words, or None where it is what was expected."""
    got, expected = leaves(got), leaves(expected)
    if len(got) != len(expected):
        return f"{len(got)} numbers instead of {len(expected)}"
    wrong = [i for i, (g, e) in enumerate(zip(got, expected, strict=True)) if not _close(g, e, rtol, atol)]
    if not wrong:
        return None
    first = wrong[0]
    return f"{len(wrong)} of {len(got)} numbers differ; the first is {got[first]!r} instead of {expected[first]!r}"


def check(function: Callable, case: dict) -> str | None:
    """Call `function` on a case; what is wrong, or None. What the function raises is not caught."""
    got = function(**{name: decode(value) for name, value in case["args"].items()})
    return difference(got, case["expected"], rtol=case.get("rtol", 1e-4), atol=case.get("atol", 1e-6))
