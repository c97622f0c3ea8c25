"""The chapters' Contract functions against numbers that came from the papers' official code."""

import math

import numpy as np
import pytest
import torch
from common import SLUGS

from labelbook import chapters, resources, vectors

CASES = [
    pytest.param(slug, number, id=f"{slug}-{case['function']}-{number}")
    for slug in SLUGS
    for number, case in enumerate(vectors.cases(slug))
]


def test_every_chapter_has_numbers():
    assert {slug for slug in SLUGS if not vectors.cases(slug)} == set()


@pytest.mark.parametrize(("slug", "number"), CASES)
def test_official_numbers(slug, number):
    case = vectors.cases(slug)[number]
    wrong = vectors.check(getattr(chapters.load(slug), case["function"]), case)
    assert wrong is None, f"{wrong} ({case.get('note')})"


# ------------------------------------------------------------------------------------------- the comparison itself


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (torch.tensor([1.0, 2.0]), {"tensor": [1.0, 2.00001]}),
        ((1, torch.tensor(2.0)), [1, 2.0]),
        (np.float64(0.5), 0.5),
        ({"a": 1, "b": [2, 3]}, [1, 2, 3]),
        (math.nan, math.nan),
        (math.inf, math.inf),
        ("word", "word"),
        (None, None),
        (True, True),
        (1e-7, 0.0),
    ],
)
def test_what_is_equal_enough(got, expected):
    assert vectors.difference(got, expected) is None


@pytest.mark.parametrize(
    ("got", "expected", "message"),
    [
        ([1.0, 2.0, 3.1], [1.0, 2.0, 3.0], "1 of 3 numbers differ; the first is 3.1 instead of 3.0"),
        ([1.0], [1.0, 2.0], "1 numbers instead of 2"),
        (math.nan, 1.0, "the first is nan"),
        (1.0, math.nan, "instead of nan"),
        (1e300, math.inf, "instead of inf"),
        (None, 1.0, "the first is None"),
        ("word", 1.0, "the first is 'word'"),
    ],
)
def test_what_is_not(got, expected, message):
    assert message in vectors.difference(got, expected)


def test_the_tolerance_is_the_cases_own():
    case = {"function": "f", "args": {}, "expected": 1.0, "rtol": 0.1}
    assert vectors.check(lambda: 1.05, case) is None
    assert vectors.check(lambda: 1.05, {**case, "rtol": 1e-3}) is not None


def test_arguments_are_decoded_deeply():
    value = {"x": {"tensor": [[1, 2]], "dtype": "int64"}, "y": [{"kind": "ndarray", "data": [1.5]}], "z": "word"}
    decoded = vectors.decode(value)
    assert decoded["x"].dtype == torch.int64
    assert decoded["y"][0].dtype == np.float64
    assert decoded["z"] == "word"


def test_no_file_means_no_cases_and_a_damaged_one_is_named(tmp_path, monkeypatch):
    assert vectors.cases("no-such-chapter") == []
    (tmp_path / "bad.json").write_text('{"cases": [{"function": "f"}]}')
    monkeypatch.setattr(resources, "find", lambda name: tmp_path / "bad.json")
    with pytest.raises(resources.DataError, match=r"bad.json cannot be used: KeyError\('args'\)"):
        vectors.cases("bad")
