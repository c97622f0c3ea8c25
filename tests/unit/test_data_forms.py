"""Generated forms, and real receipts where their files are in the cache."""

import hashlib
import importlib
import json

import numpy as np
import pytest

from labelbook import data, resources
from labelbook.resources import DataError

forms, room = (importlib.import_module(f"labelbook.data.{name}") for name in ("forms", "receipts"))


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", forms.TYPES)
def test_every_form_has_boxes_and_labels_for_all_of_its_words(kind):
    drawn = data.rendered_forms(kind, 40, rng(), templates=range(20))
    assert len(drawn) == 40
    assert drawn.names[0] == "other"
    for page in drawn.pages:
        assert len(page.words) == len(page) == len(page.boxes) == len(page.labels) <= forms.MOST_WORDS
        assert (page.boxes.dtype, page.labels.dtype) == (np.float32, np.int64)
        assert page.boxes.min() >= 0
        assert page.boxes.max() <= 1
        assert (page.boxes[:, 2:] >= page.boxes[:, :2]).all()
        assert page.labels.min() >= 0
        assert page.labels.max() < len(drawn.names)
    assert len({page.group for page in drawn.pages}) > 12
    assert {label for page in drawn.pages for label in page.labels} == set(range(len(drawn.names)))


def test_the_same_generator_draws_the_same_pages():
    first, again, other = (data.rendered_forms("invoice", 5, rng(s), templates=[3]).pages for s in (0, 0, 1))
    assert [p.words for p in first] == [p.words for p in again]
    assert [p.words for p in first] != [p.words for p in other]


def test_people_on_test_pages_have_surnames_of_their_own():
    def surnames(people):
        drawn = data.rendered_forms("invoice", 150, rng(), templates=range(20), people=people)
        buyer = drawn.names.index("buyer")
        return {
            [w for w, n in zip(p.words, p.labels, strict=True) if n == buyer][-1]
            for p in drawn.pages
            if buyer in p.labels
        }

    train, test = surnames("train"), surnames("test")
    assert len(train & test) == 0
    assert min(len(train), len(test)) > 25


@pytest.mark.parametrize(
    "arguments",
    [("bill", [0], "train"), ("invoice", [0], "all"), ("invoice", [20], "train"), ("invoice", [], "train")],
)
def test_bad_arguments(arguments):
    kind, templates, people = arguments
    with pytest.raises(ValueError, match=r"forms|templates"):
        data.rendered_forms(kind, 1, rng(), templates=templates, people=people)


def test_reading_order_is_by_lines_then_from_left_to_right():
    boxes = np.array([[0.5, 0.101, 0.6, 0.12], [0.1, 0.3, 0.2, 0.32], [0.1, 0.105, 0.2, 0.12]], np.float32)
    page = forms.in_reading_order(("b", "c", "a"), boxes, np.array([1, 2, 0]), 7)
    assert page.words == ("a", "b", "c")
    assert page.labels.tolist() == [0, 1, 2]


# -------------------------------------------------------------------------------------------------------- receipts


def test_the_published_receipts():
    folder = resources.cache_folder() / room.FOLDER
    if not all((folder / file).is_file() for file in room._checksums()):
        pytest.skip("the receipts are not in the cache")
    scans = data.receipts()
    assert len(scans) == 40
    has = np.array([[label in page.labels for label in range(1, 5)] for page in scans.pages])
    assert has.mean(0).min() >= 0.95
    assert all(page.boxes.min() >= 0 and page.boxes.max() <= 1 for page in scans.pages)
    assert 20 < len({page.group for page in scans.pages}) < 40
    assert all((page.labels == room.NAMES.index("total")).sum() == 1 for page in scans.pages)


def line(x, y, width, text):
    return f"{x},{y},{x + width},{y},{x + width},{y + 20},{x},{y + 20},{text}"


LINES = [
    line(100, 0, 200, "ACME TOOLS SDN BND"),
    line(100, 30, 200, "12, LONG ROAD, OLD TOWN,"),
    line(100, 60, 200, "50000 BIG CITY"),
    line(0, 120, 150, "DATE: 03/04/2018"),
    line(0, 150, 100, "SUB TOTAL"),
    line(300, 150, 50, "9.50"),
    line(0, 180, 100, "TOTAL"),
    line(300, 180, 50, "RM 9.50"),
    line(0, 210, 100, "CASH"),
    line(300, 210, 50, "9.50"),
]
FIELDS = {
    "company": "ACME TOOLS SDN BHD",
    "date": "03/04/2018",
    "address": "12, LONG ROAD, OLD TOWN, 50000 BIG CITY",
    "total": "9.50",
}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """One receipt with checksums of its own, in a cache of its own."""
    contents = {"box/a.csv": "\n".join(LINES).encode(), "key/a.json": json.dumps(FIELDS).encode()}
    for name, content in contents.items():
        path = tmp_path / room.FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.setenv("LABELBOOK_CACHE", str(tmp_path))
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(room, "_rows", lambda: (("a", digests["box/a.csv"], digests["key/a.json"]),))
    monkeypatch.setattr(room, "_checksums", lambda: digests)
    return tmp_path / room.FOLDER


def test_the_lines_that_hold_a_field_are_found(tiny):
    (page,) = data.receipts().pages
    assert page.labels.tolist() == [1, 3, 3, 2, 0, 0, 0, 4, 0, 0]
    assert page.boxes[0, 1] == 0
    assert page.boxes[-1, 3] == 1


def test_a_damaged_file_is_named_and_never_used(tiny):
    (tiny / "box/a.csv").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"box/a.csv is damaged"):
        data.receipts()


def test_a_file_that_cannot_be_downloaded_is_named(tiny, monkeypatch):
    import pooch

    def no_network(*_, **__):
        raise ConnectionError("no route")

    (tiny / "key/a.json").unlink()
    monkeypatch.setattr(pooch, "retrieve", no_network)
    with pytest.raises(DataError, match=r"key/a.json of the receipts could not be downloaded \(ConnectionError\)"):
        data.receipts()


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"company": "A"}'])
def test_a_listed_file_that_cannot_be_read(tiny, monkeypatch, content):
    (tiny / "key/a.json").write_bytes(content)
    digests = {**room._checksums(), "key/a.json": hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(room, "_checksums", lambda: digests)
    with pytest.raises(DataError, match="does not list lines and fields"):
        data.receipts()
