"""The chapters' Contract functions against numbers that came from the papers' official code."""

import functools
import json

import numpy as np
import pytest
import torch
from common import ROOT, SLUGS

from labelbook import chapters

VECTORS = ROOT / "tests" / "vectors"


@functools.cache
def read(slug):
    return json.loads((VECTORS / f"{slug}.json").read_text())


CASES = [
    pytest.param(slug, number, id=f"{slug}-{case['function']}-{number}")
    for slug in SLUGS
    if (VECTORS / f"{slug}.json").exists()
    for number, case in enumerate(read(slug)["cases"])
]


def decode(value):
    """Arguments as the function wants them: tensors and arrays are written as mappings in the file."""
    if isinstance(value, dict) and "tensor" in value:
        return torch.tensor(value["tensor"], dtype=getattr(torch, value.get("dtype", "float32")))
    if isinstance(value, dict) and value.get("kind") == "ndarray":
        return np.array(value["data"], dtype=value.get("dtype", "float64"))
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    return [decode(item) for item in value] if isinstance(value, list) else value


def leaves(value):
    """All numbers of nested containers, in order."""
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        value = [value["tensor"]] if "tensor" in value else list(value.values())
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def test_every_chapter_has_numbers():
    assert {slug for slug in SLUGS if not (VECTORS / f"{slug}.json").exists()} == set()


@pytest.mark.parametrize(("slug", "number"), CASES)
def test_official_numbers(slug, number):
    case = read(slug)["cases"][number]
    function = getattr(chapters.load(slug), case["function"])
    got = leaves(function(**{name: decode(value) for name, value in case["args"].items()}))
    tolerance = {"rel": case.get("rtol", 1e-4), "abs": case.get("atol", 1e-6), "nan_ok": True}
    assert got == pytest.approx(leaves(case["expected"]), **tolerance), case.get("note")
