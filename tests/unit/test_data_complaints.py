"""The complaints of Pan and Chen, where their file is in the cache; and what is said of files that are not it."""

import gzip
import hashlib
import struct

import numpy as np
import pytest
import torch

from labelbook import data, resources
from labelbook.data import complaints
from labelbook.resources import DataError


def test_the_published_numbers():
    if not (resources.cache_folder() / complaints.FOLDER / complaints.FILE).is_file():
        pytest.skip("the complaints are not in the cache")
    found = data.online_complaints()
    read = ~found.county.isnan()
    assert (len(found), int(read.sum())) == (1412, 500)
    assert found.others.shape == (1412, len(found.names)) == (1412, 5)
    for column in (found.reported, found.county[read], found.machine, *found.others.T):
        assert set(column.tolist()) == {0.0, 1.0}
    # The first rows as the package's introduction prints them.
    assert found.county[:3].tolist() == [0, 0, 1]
    assert found.machine[:3].tolist() == [0, 1, 0]
    assert found.others[0].tolist() == [0, 1, 0, 0, 1]
    assert found.county.dtype == torch.float64


# ------------------------------------------------------------------------------------------- files written like R's


def word(text):
    return struct.pack(">ii", 9, len(text)) + text.encode()


def reals(*values):
    return struct.pack(">ii", 14, len(values)) + np.array(values, ">f8").tobytes()


def strings(*values):
    return struct.pack(">ii", 16, len(values)) + b"".join(word(value) for value in values)


def symbol(text):
    return struct.pack(">i", 1) + word(text)


NOTHING = struct.pack(">i", 254)


def saved(columns):
    """A file of R's save() with one data frame: gzip, header, and a list of one name and one list with attributes."""
    head = b"RDX3\nX\n" + struct.pack(">iii", 3, 0, 0) + struct.pack(">i", 5) + b"UTF-8"
    names = struct.pack(">i", 0x402) + symbol("names") + strings(*columns)
    body = struct.pack(">ii", 0x313, len(columns)) + b"".join(columns.values()) + names + NOTHING
    return gzip.compress(head + struct.pack(">i", 0x402) + symbol("PanChen") + body + NOTHING)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Puts a file into a cache of its own and makes its checksum the listed one."""

    def put(content):
        path = tmp_path / complaints.FOLDER / complaints.FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        monkeypatch.setattr(complaints, "SHA256", hashlib.sha256(content).hexdigest())
        return path

    monkeypatch.setenv("LABELBOOK_CACHE", str(tmp_path))
    return put


def frame():
    names = ("SendOrNot", "countyWrong", "pred_countyWrong", *complaints.OTHERS)
    return {name: reals(float(i), float("nan")) for i, name in enumerate(names)}


def test_columns_go_where_they_belong(place):
    place(saved(frame()))
    found = data.online_complaints()
    assert (found.reported[0], found.county[0], found.machine[0]) == (0, 1, 2)
    assert found.others[0].tolist() == [3, 4, 5, 6, 7]
    assert found.county[1].isnan()


def test_a_damaged_file_is_named(place):
    path = place(saved(frame()))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"PanChen\.rdata is damaged.*Delete it"):
        data.online_complaints()


def test_a_missing_column_is_named(place):
    columns = frame()
    del columns["countyWrong"]
    place(saved(columns))
    with pytest.raises(DataError, match="no column 'countyWrong'"):
        data.online_complaints()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"words", "not a data frame"),
        (gzip.compress(b"RDX2\nX\n"), "binary format, version 3"),
        (gzip.compress(gzip.decompress(saved(frame()))[:200]), "ends too early"),
        (saved(frame() | {"code": struct.pack(">ii", 6, 0)}), "object of type 6"),
        (saved(frame() | {"long": struct.pack(">ii", 14, -1)}), "ends too early"),
    ],
)
def test_other_files_are_refused(place, content, message):
    place(content)
    with pytest.raises(DataError, match=message):
        data.online_complaints()


def test_a_missing_download_says_what_to_do(place, tmp_path, monkeypatch):
    import pooch

    def offline(*args, **options):
        raise OSError("no network")

    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(DataError, match=r"PanChen\.rdata could not be downloaded.*Put data/PanChen\.rdata"):
        data.online_complaints()
