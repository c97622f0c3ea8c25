"""California housing: what the loader gives, and what it says when the file is not what it should be."""

import shutil

import numpy as np
import pytest

from labelbook import data, resources
from labelbook.resources import DataError


def test_the_table_is_the_known_one():
    table = data.california_housing()
    assert table.inputs.shape == (20_640, 8)
    assert table.targets.shape == (20_640,)
    assert (table.inputs.dtype, table.targets.dtype) == (np.float64, np.float64)
    assert len(table.names) == 8
    assert np.isfinite(table.inputs).all()
    assert table.inputs[0, :2] == pytest.approx([8.3252, 41])
    assert table.targets[:3] == pytest.approx([4.526, 3.585, 3.521])
    assert table.targets.mean() == pytest.approx(2.06856, abs=1e-4)
    assert (table.targets > 5).sum() == 965
    latitude, longitude = (table.inputs[:, table.names.index(name)] for name in ("Latitude", "Longitude"))
    assert 32 < latitude.min() < latitude.max() < 42
    assert -125 < longitude.min() < longitude.max() < -114


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the embedded file that a test may damage."""
    shutil.copytree(resources.find("data/california-housing"), tmp_path / "data" / "california-housing")
    shutil.copy(resources.find("data/SHA256SUMS"), tmp_path / "data")
    monkeypatch.setattr(resources, "checkout", lambda: tmp_path)
    return tmp_path / "data" / "california-housing" / "california.npz"


@pytest.mark.parametrize("damage", ["truncate", "alter"])
def test_a_damaged_file_is_named_and_never_used(copy, damage):
    raw = bytearray(copy.read_bytes())
    raw[len(raw) // 2] ^= 1
    copy.write_bytes(raw if damage == "alter" else raw[:-1000])
    with pytest.raises(DataError, match=r"california.npz is damaged.*git checkout"):
        data.california_housing()


def test_a_missing_file_is_named(copy):
    copy.unlink()
    with pytest.raises(DataError, match=r"data/california-housing/california.npz is missing.*git checkout"):
        data.california_housing()
