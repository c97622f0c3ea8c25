"""The left atrium, where its files are in the cache; and what is said of files that are missing, damaged or no volumes."""

import hashlib
import importlib
import io

import numpy as np
import pytest
import torch

from labelbook import data, resources
from labelbook.resources import DataError

room = importlib.import_module("labelbook.data.left_atrium")  # the package shows the function of the same name
h5py = pytest.importorskip("h5py")


def test_the_published_volumes():
    folder = resources.cache_folder() / room.FOLDER
    if not all((folder / name / "mri_norm2.h5").is_file() for name in room.VOLUMES["test"]):
        pytest.skip("the MRI volumes are not in the cache")
    slices = data.left_atrium("test", size=24, every=6)
    assert slices.images.shape == (4 * 11, 1, 24, 24)
    assert slices.masks.shape == (4 * 11, 24, 24)
    assert slices.volumes.bincount().tolist() == [11] * 4
    assert slices.masks.unique().tolist() == [0, 1]
    assert 0.05 < slices.masks.float().mean() < 0.2
    one = slices[slices.volumes == 2]
    assert len(one) == 11
    assert abs(one.images.mean()) < 1e-3
    assert abs(one.images.std() - 1) < 1e-3


def test_fourteen_volumes_are_listed():
    assert {split: len(volumes) for split, volumes in room.VOLUMES.items()} == {"train": 10, "test": 4}
    assert not set(room.VOLUMES["train"]) & set(room.VOLUMES["test"])
    assert all(len(digest) == 64 for volumes in room.VOLUMES.values() for digest in volumes.values())


@pytest.mark.parametrize("arguments", [{"split": "val"}, {"size": 4}, {"every": 0}, {"every": 60}])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match="left atrium"):
        data.left_atrium(**arguments)


def volume(generator):
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        out["image"] = generator.normal(size=(20, 16, room.DEPTH)).astype(np.float32)
        out["label"] = (generator.random((20, 16, room.DEPTH)) < 0.3).astype(np.uint8)
    return file.getvalue()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Two small test volumes with checksums of their own, in a cache of their own."""
    generator = np.random.default_rng(0)
    contents = {name: volume(generator) for name in ("A", "B")}
    for name, content in contents.items():
        path = tmp_path / room.FOLDER / name / "mri_norm2.h5"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    monkeypatch.setenv("LABELBOOK_CACHE", str(tmp_path))
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setitem(room.VOLUMES, "test", listed)
    return tmp_path / room.FOLDER


def test_slices_keep_their_volume(tiny):
    slices = data.left_atrium("test", size=8, every=11)
    assert slices.images.shape == (12, 1, 8, 8)
    assert slices.images.dtype == torch.float32
    assert slices.volumes.tolist() == [0] * 6 + [1] * 6
    assert slices.names == ("background", "left atrium")


@pytest.mark.parametrize("damage", ["truncate", "alter"])
def test_a_damaged_file_is_named_and_never_used(tiny, damage):
    path = tiny / "B" / "mri_norm2.h5"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw if damage == "alter" else raw[:-10])
    with pytest.raises(DataError, match=r"B.mri_norm2.h5 is damaged"):
        data.left_atrium("test", size=8)


def test_a_volume_that_cannot_be_downloaded_is_named(tiny, monkeypatch):
    import pooch

    def no_network(*_, **__):
        raise ConnectionError("no route")

    (tiny / "A" / "mri_norm2.h5").unlink()
    monkeypatch.setattr(pooch, "retrieve", no_network)
    with pytest.raises(DataError, match=r"volume A could not be downloaded \(ConnectionError\).*folder data of"):
        data.left_atrium("test", size=8)


def test_a_listed_file_that_is_no_volume(tiny, monkeypatch):
    (tiny / "A" / "mri_norm2.h5").write_bytes(b"not a volume")
    monkeypatch.setitem(room.VOLUMES["test"], "A", hashlib.sha256(b"not a volume").hexdigest())
    with pytest.raises(DataError, match="volume A cannot be read"):
        data.left_atrium("test", size=8)
