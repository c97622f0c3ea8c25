"""Blood cells, where their files are in the cache; and what is said of files that are missing, damaged or unreadable."""

import hashlib
import importlib
import io

import numpy as np
import pytest
import torch
from PIL import Image

from labelbook import data, resources
from labelbook.resources import DataError

room = importlib.import_module("labelbook.data.blood")


def test_the_published_photos():
    folder = resources.cache_folder() / room.FOLDER
    if not all((folder / file).is_file() for file in room._checksums()):
        pytest.skip("the blood cells are not in the cache")
    cells = data.blood_cells("test", size=(48, 64))
    assert len(cells) == 72
    assert (cells.images.shape, cells.images.dtype) == ((72, 3, 48, 64), torch.uint8)
    there = cells.classes >= 0
    boxes = cells.boxes[there]
    assert bool((boxes[:, 2:] > boxes[:, :2]).all())
    assert boxes.amin() >= 0
    assert boxes[:, 0::2].amax() <= 64
    assert boxes[:, 1::2].amax() <= 48
    assert bool((cells.boxes[~there] == 0).all())
    often = cells.classes[there].bincount()
    assert often[0] > 5 * often[1:].max()
    assert cells[:3].floats().max() <= 1


def test_every_photo_is_listed_once():
    listed = room._listed()
    assert {split: len(names) for split, names in listed.items()} == room.SIZES
    assert len(room._checksums()) == 2 * 364
    assert all(len(digest) == 64 for digest in room._checksums().values())


@pytest.mark.parametrize("arguments", [{"split": "val"}, {"size": (0, 10)}, {"size": (500, 640)}])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match="blood cell"):
        data.blood_cells(**arguments)


def jpeg(generator):
    file = io.BytesIO()
    Image.fromarray(generator.integers(0, 256, (room.HEIGHT, room.WIDTH, 3), dtype=np.uint8)).save(file, "JPEG")
    return file.getvalue()


def xml(*objects):
    edges = ("xmin", "ymin", "xmax", "ymax")
    rows = [
        f"<object><name>{name}</name><bndbox>{''.join(f'<{k}>{v}</{k}>' for k, v in zip(edges, box, strict=True))}"
        "</bndbox></object>"
        for name, box in objects
    ]
    return f"<annotation>{''.join(rows)}</annotation>".encode()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Two photos with checksums of their own, in a cache of their own."""
    generator = np.random.default_rng(0)
    contents = {f"JPEGImages/{name}.jpg": jpeg(generator) for name in ("a", "b")}
    contents["Annotations/a.xml"] = xml(
        ("RBC", (0, 0, 64, 48)), ("WBC", (10, 10, 10, 20)), ("Platelets", (320, 240, 640, 480))
    )
    contents["Annotations/b.xml"] = xml(("WBC", (64, 48, 128, 96)))
    for name, content in contents.items():
        path = tmp_path / room.FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.setenv("LABELBOOK_CACHE", str(tmp_path))
    monkeypatch.setattr(room, "_listed", lambda: {"train": ["a", "b"]})
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(room, "_checksums", lambda: digests)
    return tmp_path / room.FOLDER


def test_boxes_shrink_with_the_photo_and_empty_ones_go(tiny):
    cells = data.blood_cells("train", size=(48, 64))
    assert cells.classes.tolist() == [[0, 2], [1, -1]]
    expected = [[[0, 0, 6.4, 4.8], [32, 24, 64, 48]], [[6.4, 4.8, 12.8, 9.6], [0, 0, 0, 0]]]
    assert torch.allclose(cells.boxes, torch.tensor(expected))


@pytest.mark.parametrize("damage", ["truncate", "alter"])
def test_a_damaged_file_is_named_and_never_used(tiny, damage):
    path = tiny / "JPEGImages/b.jpg"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw if damage == "alter" else raw[:-10])
    with pytest.raises(DataError, match=r"JPEGImages/b.jpg is damaged"):
        data.blood_cells("train")


def test_a_file_that_cannot_be_downloaded_is_named(tiny, monkeypatch):
    import pooch

    def no_network(*_, **__):
        raise ConnectionError("no route")

    (tiny / "Annotations/a.xml").unlink()
    monkeypatch.setattr(pooch, "retrieve", no_network)
    with pytest.raises(
        DataError, match=r"Annotations/a.xml could not be downloaded \(ConnectionError\).*folder BCCD of"
    ):
        data.blood_cells("train")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("JPEGImages/a.jpg", b"not a picture", "no picture"),
        ("Annotations/a.xml", b"<annotation>", "does not list boxes"),
        ("Annotations/a.xml", xml(("mouse", (0, 0, 1, 1))), "does not list boxes"),
    ],
)
def test_a_listed_file_that_cannot_be_read(tiny, monkeypatch, file, content, message):
    (tiny / file).write_bytes(content)
    digests = {**room._checksums(), file: hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(room, "_checksums", lambda: digests)
    with pytest.raises(DataError, match=message):
        data.blood_cells("train")
