"""CamVid, where its files are in the cache; and what is said of files that are missing, damaged or no pictures."""

import hashlib
import importlib
import io

import numpy as np
import pytest
import torch
from PIL import Image

from labelbook import data, resources
from labelbook.resources import DataError

room = importlib.import_module("labelbook.data.camvid")  # the package shows the function of the same name


def test_the_published_pairs():
    folder = resources.cache_folder() / room.FOLDER
    if not all((folder / file).is_file() for file in room._checksums()):
        pytest.skip("CamVid is not in the cache")
    photos = data.camvid("test", size=(48, 64))
    assert len(photos) == 40
    assert (photos.images.shape, photos.images.dtype) == ((40, 3, 48, 64), torch.uint8)
    assert (photos.masks.shape, photos.masks.dtype) == ((40, 48, 64), torch.int64)
    share = photos.masks.flatten().bincount(minlength=12) / photos.masks.numel()
    assert share[photos.names.index("road")] > 0.2
    assert 0.02 < share[photos.unlabelled] < 0.06
    assert photos[:3].floats().max() <= 1


def test_every_photo_is_listed_with_its_mask():
    listed = room._checksums()
    for split, number in room.SIZES.items():
        files = {name.removeprefix(f"{split}/") for name in listed if name.startswith(f"{split}/")}
        masks = {name.removeprefix(f"{split}annot/") for name in listed if name.startswith(f"{split}annot/")}
        assert files == masks
        assert len(files) == number
    assert len(listed) == 300
    assert all(len(digest) == 64 for digest in listed.values())


@pytest.mark.parametrize("arguments", [{"split": "val"}, {"size": (0, 10)}, {"size": (400, 480)}])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match="CamVid"):
        data.camvid(**arguments)


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Two training pairs in CamVid's format, with checksums of their own, in a cache of their own."""
    generator = np.random.default_rng(0)
    contents = {}
    for name in ("a", "b"):
        contents[f"train/{name}.png"] = png(generator.integers(0, 256, (36, 48, 3), dtype=np.uint8))
        contents[f"trainannot/{name}.png"] = png(generator.integers(0, 12, (36, 48), dtype=np.uint8))
    for name, content in contents.items():
        path = tmp_path / room.FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.setenv("LABELBOOK_CACHE", str(tmp_path))
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(room, "_checksums", lambda: listed)
    return tmp_path / room.FOLDER


def test_photos_and_masks_are_shrunk_together(tiny):
    found = data.camvid("train", size=(18, 24))
    assert found.images.shape == (2, 3, 18, 24)
    original = np.asarray(Image.open(tiny / "trainannot/a.png"))
    assert set(np.unique(found.masks[0])) <= set(np.unique(original))
    whole = data.camvid("train", size=(36, 48))
    assert np.array_equal(whole.masks[0], original)


@pytest.mark.parametrize("damage", ["truncate", "alter"])
def test_a_damaged_file_is_named_and_never_used(tiny, damage):
    path = tiny / "train/b.png"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw if damage == "alter" else raw[:-10])
    with pytest.raises(DataError, match=r"train/b.png is damaged"):
        data.camvid("train", size=(18, 24))


def test_a_file_that_cannot_be_downloaded_is_named(tiny, monkeypatch):
    import pooch

    def no_network(*_, **__):
        raise ConnectionError("no route")

    (tiny / "trainannot/a.png").unlink()
    monkeypatch.setattr(pooch, "retrieve", no_network)
    with pytest.raises(DataError, match=r"trainannot/a.png could not be downloaded \(ConnectionError\).*CamVid of"):
        data.camvid("train", size=(18, 24))


def test_a_listed_file_that_is_no_picture(tiny, monkeypatch):
    (tiny / "train/a.png").write_bytes(b"not a picture")
    listed = {**room._checksums(), "train/a.png": hashlib.sha256(b"not a picture").hexdigest()}
    monkeypatch.setattr(room, "_checksums", lambda: listed)
    with pytest.raises(DataError, match=r"train/a.png is no picture"):
        data.camvid("train", size=(18, 24))
