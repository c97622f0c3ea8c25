"""The embedded mails and SST-2's sentences: what the loaders give, and what is said of files that are missing or damaged."""

import hashlib
import shutil

import pytest

from labelbook import data, resources
from labelbook.data import texts
from labelbook.resources import DataError


@pytest.mark.parametrize(("split", "counts"), [("train", [2560, 940]), ("test", [1185, 383]), ("hard", [239])])
def test_the_mails_are_the_known_ones(split, counts):
    found = data.mails(split)
    assert len(found) == texts.MAILS[split] == len(found.labels)
    assert found.labels.bincount().tolist() == counts
    assert all(10 <= len(text.split()) <= 120 for text in found.texts)
    assert not any(sign in text for text in found.texts for sign in "@0123456789/")
    assert found[:5].texts == found.texts[:5]


def test_no_mail_is_in_two_splits():
    kept = [set(data.mails(split).texts) for split in texts.MAILS]
    assert sum(map(len, kept)) - len(set.union(*kept)) <= 60  # words alone: a few mails differed in nothing else


def test_unknown_splits():
    with pytest.raises(ValueError, match="train, test, hard"):
        data.mails("dev")
    with pytest.raises(ValueError, match="train, dev and test"):
        data.sst2("hard")


@pytest.mark.parametrize("damage", ["truncate", "alter"])
def test_a_damaged_file_is_named_and_never_used(tmp_path, monkeypatch, damage):
    shutil.copytree(resources.find("data/mails"), tmp_path / "data" / "mails")
    shutil.copy(resources.find("data/SHA256SUMS"), tmp_path / "data")
    monkeypatch.setattr(resources, "checkout", lambda: tmp_path)
    path = tmp_path / "data" / "mails" / "mails.npz"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw if damage == "alter" else raw[:-1000])
    with pytest.raises(DataError, match=r"mails.npz is damaged.*git checkout"):
        data.mails("train")


@pytest.mark.parametrize(("split", "n", "positive"), [("train", 6920, 3610), ("dev", 872, 444), ("test", 1821, 909)])
def test_sst2_has_its_published_sizes(split, n, positive):
    if not (resources.cache_folder() / texts.FOLDER / f"{split}.tsv").is_file():
        pytest.skip("SST-2 is not in the cache")
    found = data.sst2(split)
    assert (len(found), int(found.labels.sum())) == (n, positive)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of its own with a train split of two sentences, whose checksum is the listed one."""
    path = tmp_path / texts.FOLDER / "train.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("a fine film\t1\nnot a fine film\t0\n")
    monkeypatch.setenv("LABELBOOK_CACHE", str(tmp_path))
    monkeypatch.setitem(texts.SHA256, "train.tsv", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_sentences_and_labels(cache):
    found = data.sst2("train")
    assert found.texts == ("a fine film", "not a fine film")
    assert found.labels.tolist() == [1, 0]


def test_a_damaged_download_is_named(cache):
    cache.write_text("a fine film\t0\n")
    with pytest.raises(DataError, match=r"train.tsv is damaged"):
        data.sst2("train")


def test_a_download_that_fails_says_what_to_put_where(cache, monkeypatch):
    import pooch

    def no_network(*args, **kwargs):
        raise OSError

    monkeypatch.setattr(pooch, "retrieve", no_network)
    cache.unlink()
    with pytest.raises(DataError, match=r"train.tsv of SST-2 could not be downloaded \(OSError\)"):
        data.sst2("train")
