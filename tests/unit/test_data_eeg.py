"""The embedded brain signals: what the loader gives, and what it says when a file is not what it should be."""

import shutil

import pytest
import torch

from labelbook import data, resources
from labelbook.resources import DataError


@pytest.mark.parametrize(
    ("name", "shape", "counts", "test", "rate"),
    [
        ("fingers", (416, 50, 28), [208, 208], 100, 100),
        ("eyes", (98, 128, 14), [54, 44], 42, 128),
        ("directions", (234, 100, 10), [54, 70, 55, 55], 74, 100),
    ],
)
def test_the_sets_are_the_known_ones(name, shape, counts, test, rate):
    found = data.eeg(name)
    assert found.signals.shape == shape
    assert (found.signals.dtype, found.labels.dtype, found.test.dtype) == (torch.float32, torch.int64, torch.bool)
    assert torch.isfinite(found.signals).all()
    assert found.labels.bincount().tolist() == counts
    assert len(found) == shape[0]
    assert len(found.channels) == len(set(found.channels)) == shape[2]
    assert len(found.names) == len(counts)
    assert (int(found.test.sum()), found.rate) == (test, rate)
    assert bool(found.test[-test:].all())


def test_values_are_in_the_original_units():
    assert data.eeg("fingers").signals.min() == pytest.approx(-178.6, abs=1e-4)
    assert data.eeg("fingers").signals.max() == pytest.approx(220.3, abs=1e-4)
    assert data.eeg("eyes").signals[0, 0, 0] == pytest.approx(4329.23, abs=0.006)
    assert data.eeg("directions").signals.std() < 170  # averages of four samples of a signal whose spread is 168


def test_an_unknown_name():
    with pytest.raises(ValueError, match="fingers, eyes, directions"):
        data.eeg("dreamer")


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the embedded files that a test may damage."""
    shutil.copytree(resources.find("data/eeg"), tmp_path / "data" / "eeg")
    shutil.copy(resources.find("data/SHA256SUMS"), tmp_path / "data")
    monkeypatch.setattr(resources, "checkout", lambda: tmp_path)
    return tmp_path / "data" / "eeg" / "fingers.npz"


@pytest.mark.parametrize("damage", ["truncate", "alter"])
def test_a_damaged_file_is_named_and_never_used(copy, damage):
    raw = bytearray(copy.read_bytes())
    raw[len(raw) // 2] ^= 1
    copy.write_bytes(raw if damage == "alter" else raw[:-1000])
    with pytest.raises(DataError, match=r"fingers.npz is damaged.*git checkout"):
        data.eeg("fingers")


def test_a_missing_file_is_named(copy):
    copy.unlink()
    with pytest.raises(DataError, match=r"data/eeg/fingers.npz is missing.*git checkout"):
        data.eeg("fingers")
