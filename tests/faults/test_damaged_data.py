"""Data files cut short or with flipped bits, and servers that send something else: named, and never used."""

import importlib
import random
import re
import zipfile

import pooch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelbook import data, resources

EMBEDDED = sorted(f"data/{name}" for name in resources._checksums())


def spoilt(content: bytes, draw) -> bytes:
    """Cut short, or with up to three bits flipped."""
    if draw(st.booleans()):
        return content[: draw(st.integers(0, len(content) - 1))]
    changed = bytearray(content)
    for place in draw(st.sets(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        changed[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_an_embedded_file_that_was_damaged_anywhere_is_refused(tmp_path_factory, data):
    name = data.draw(st.sampled_from(EMBEDDED))
    content, root = resources.find(name).read_bytes(), tmp_path_factory.getbasetemp() / "damaged"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "checkout", lambda: root)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(spoilt(content, data.draw))
        with pytest.raises(resources.DataError, match=f"{re.escape(name)} is damaged: .*`git checkout -- "):
            resources.verified(name)


# ---------------------------------------------------------------------------------------------------------- downloads

# One call for each module that downloads.
DOWNLOADS = {
    "blood": lambda: data.blood_cells("test"),
    "camvid": lambda: data.camvid("test"),
    "cifar": lambda: data.cifar10n("test"),
    "complaints": data.online_complaints,
    "left_atrium": lambda: data.left_atrium("test"),
    "planetoid": lambda: data.citation_graph("cora"),
    "receipts": data.receipts,
    "texts": lambda: data.sst2("dev"),
}


def test_every_module_that_downloads_is_tried():
    folder = resources.checkout() / "src" / "labelbook" / "data"
    fetches = re.compile(r"pooch\.retrieve|resources\.downloaded")
    assert {path.stem for path in folder.glob("*.py") if fetches.search(path.read_text())} == set(DOWNLOADS)
    for name in DOWNLOADS:
        importlib.import_module(f"labelbook.data.{name}")


def garbage(path):
    path.write_bytes(random.Random(0).randbytes(5000))


def hostile_zip(path):
    """An archive that would write outside of the folder that it is unpacked in, and pictures that are none."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("repository/../../outside.jpg", "/outside.jpg", "repository/test/airplane/0000.jpg"):
            archive.writestr(name, b"outside")


@pytest.mark.parametrize("content", [garbage, hostile_zip])
@pytest.mark.parametrize("name", DOWNLOADS)
def test_what_a_server_sends_instead_of_the_file_is_never_used(name, content, tmp_path, monkeypatch):
    def retrieve(url, known_hash, path, fname, **_):
        """A downloader that verifies nothing."""
        assert url.startswith("https://")
        path.mkdir(parents=True, exist_ok=True)
        content(path / fname)
        return str(path / fname)

    cache = tmp_path / "cache"
    monkeypatch.setenv("LABELBOOK_CACHE", str(cache))
    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(resources.DataError, match=r"damaged|no such archive"):
        DOWNLOADS[name]()
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert not list(tmp_path.glob("**/outside*"))
