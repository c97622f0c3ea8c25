"""Loaders, and what they say when a file is not what it should be."""

import gzip
import shutil

import numpy as np
import pytest
import torch

from labelbook import data, resources
from labelbook.data import cifar, fashion
from labelbook.resources import DataError


def test_embedded_fashion_mnist():
    train, test = data.fashion_mnist("train"), data.fashion_mnist("test")
    assert train.images.shape == (20_000, 1, 28, 28)
    assert (train.images.dtype, train.labels.dtype) == (torch.uint8, torch.int64)
    assert train.labels.bincount().tolist() == [2000] * 10
    assert test.labels.bincount().tolist() == [500] * 10
    assert train.floats().max() == 1.0
    part = train[torch.tensor([3, 5])]
    assert len(part) == 2
    assert torch.equal(part.images[1], train.images[5])


def test_digits_and_diabetes():
    digits = data.digits()
    assert digits.images.shape == (1797, 1, 8, 8)
    assert digits.images.max() == 255
    assert data.diabetes().inputs.shape == (442, 10)


@pytest.mark.parametrize("call", [{"split": "validation"}, {"source": "somewhere"}])
def test_unknown_split_or_source(call):
    with pytest.raises(ValueError, match=r"has the (splits|sources)"):
        data.fashion_mnist(**call)


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the embedded files that a test may damage; gives the path of the test split."""
    shutil.copytree(resources.find("data/fashion-mnist"), tmp_path / "data" / "fashion-mnist")
    shutil.copy(resources.find("data/SHA256SUMS"), tmp_path / "data")
    monkeypatch.setattr(resources, "checkout", lambda: tmp_path)
    return tmp_path / "data" / "fashion-mnist" / "test.npz"


def says(path, *words):
    with pytest.raises(DataError) as caught:
        data.fashion_mnist("test")
    assert str(path) in str(caught.value)
    for word in (*words, "git checkout"):
        assert word in str(caught.value)


def test_a_truncated_file_is_named(copy):
    copy.write_bytes(copy.read_bytes()[:-1000])
    says(copy, "damaged")


def test_an_altered_file_is_named(copy):
    raw = bytearray(copy.read_bytes())
    raw[len(raw) // 2] ^= 1
    copy.write_bytes(raw)
    says(copy, "damaged")


def test_a_missing_file_is_named(copy):
    copy.unlink()
    with pytest.raises(DataError, match=r"data/fashion-mnist/test.npz is missing.*git checkout"):
        data.fashion_mnist("test")


def test_an_unreadable_file_is_named(copy):
    copy.unlink()
    copy.mkdir()  # reading a folder fails for every user, root too
    with pytest.raises(DataError, match=r"test.npz cannot be read"):
        data.fashion_mnist("test")


def test_a_file_that_is_not_listed_is_refused(copy):
    with pytest.raises(DataError, match="is not listed"):
        resources.verified("data/fashion-mnist/README.md")


# ---------------------------------------------------------------------------------------------- the complete set


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(header + array.tobytes())


@pytest.fixture
def debian(tmp_path, monkeypatch):
    """What the Debian package installs, in small: 12 test images."""
    images = np.arange(12 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(12, 28, 28)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(idx(images))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(12, dtype=np.uint8) % 10))
    monkeypatch.setattr(fashion, "DEBIAN_FOLDER", tmp_path)
    monkeypatch.setitem(fashion.FULL, "test", 12)
    return tmp_path


def test_debians_package_is_read_where_it_is_installed(debian):
    found = data.fashion_mnist("test", source="full")
    assert found.images.shape == (12, 1, 28, 28)
    assert found.images[0, 0, 0, :3].tolist() == [0, 1, 2]
    assert found.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_a_truncated_package_file_is_named(debian):
    path = debian / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.gz is missing or damaged"):
        data.fashion_mnist("test", source="full")


def test_a_package_with_too_few_images_is_named(debian, monkeypatch):
    monkeypatch.setitem(fashion.FULL, "test", 13)
    with pytest.raises(DataError, match="holds 12 images"):
        data.fashion_mnist("test", source="full")


@pytest.fixture
def downloaded(debian, monkeypatch):
    """The same files where torchvision leaves what it downloads, with checksums of their own."""
    import hashlib

    import torchvision

    class Downloaded:
        def __init__(self, *_, **__):
            self.raw_folder = debian
            self.resources = digests

    digests = [(path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in debian.iterdir()]
    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", Downloaded)
    monkeypatch.setattr(fashion, "DEBIAN_FOLDER", debian / "none")
    return debian


def test_what_torchvision_downloaded_is_verified_each_time(downloaded):
    assert data.fashion_mnist("test", source="full").labels.tolist()[:3] == [0, 1, 2]
    path = downloaded / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(idx(np.zeros(12, np.uint8)))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz is missing or damaged. Delete the folder"):
        data.fashion_mnist("test", source="full")


def test_a_download_that_cannot_happen_says_what_to_do(tmp_path, monkeypatch):
    import torchvision

    def offline(*_, **__):
        raise RuntimeError("no network")

    monkeypatch.setattr(fashion, "DEBIAN_FOLDER", tmp_path / "none")
    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", offline)
    with pytest.raises(DataError, match=r"could not be downloaded .*no network.*dataset-fashion-mnist"):
        data.fashion_mnist("test", source="full")


# ------------------------------------------------------------------------------------ CIFAR-10 with human labels


def test_human_labels_are_those_of_the_paper():
    """CIFAR-10N states 9.03%, about 18% and 40.21% of wrong labels."""
    labels = cifar._human_labels()
    wrong = {kind: float((labels[key] != labels["clean_label"]).mean()) for kind, key in cifar.KINDS.items()}
    assert wrong.pop("clean") == 0
    assert wrong["aggre"] == pytest.approx(0.0901, abs=5e-4)
    assert wrong["worse"] == pytest.approx(0.4021, abs=5e-4)
    assert all(0.17 < wrong[f"random{i}"] < 0.185 for i in (1, 2, 3))


def test_cifar_without_a_network_says_what_to_do(tmp_path, monkeypatch):
    import pooch

    def offline(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setenv("LABELBOOK_CACHE", str(tmp_path))
    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(DataError, match=r"could not be downloaded \(ConnectionError\).*cifar10_jpeg.zip"):
        data.cifar10n("test")


def test_a_damaged_cifar_archive_is_never_used(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELBOOK_CACHE", str(tmp_path))
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "cifar10_jpeg.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"cifar10_jpeg.zip is damaged"):
        data.cifar10n("test")


def test_repacking_gives_the_same_bytes_whatever_the_archive(tmp_path):
    import zipfile

    for number, names in enumerate((["a", "b"], ["b", "a"])):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("repo/README.md", "not a picture")
            for name in names:
                archive.writestr(f"repo-{number}/train/{name}.jpg", name * 50)
        cifar._repack(tmp_path / f"{number}.zip", tmp_path / f"{number}.out")
    assert (tmp_path / "0.out").read_bytes() == (tmp_path / "1.out").read_bytes()
    assert zipfile.ZipFile(tmp_path / "0.out").namelist() == ["train/a.jpg", "train/b.jpg"]
