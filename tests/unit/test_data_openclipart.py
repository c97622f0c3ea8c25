"""The embedded drawings: what the loader gives, and what it says when the file is not what it should be."""

import shutil

import pytest
import torch

from labelbook import data, resources
from labelbook.resources import DataError


def test_the_drawings_are_the_known_ones():
    found = data.openclipart("all")
    n, k = len(found), len(found.names)
    assert (n, k) == (2626, 24)
    assert (found.images.shape, found.images.dtype) == ((n, 3, 32, 32), torch.uint8)
    counts = found.labels.bincount(minlength=k)
    assert (int(counts.max()), int(counts.min())) == (400, 15)
    assert len(found.titles) == len(found.keywords) == n
    assert len(found.definitions) == len(set(found.definitions)) == k
    for vectors, rows in (
        (found.text_vectors, n),
        (found.title_vectors, n),
        (found.definition_vectors, k),
        (found.name_vectors, k),
        (found.word_vectors, len(found.words)),
        (found.empty_vector[None], 1),
    ):
        assert (vectors.shape, vectors.dtype) == ((rows, 128), torch.float32)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(rows), atol=0.02, rtol=0)


def test_splits_share_nothing_and_every_class():
    parts = [data.openclipart(split) for split in ("train", "test")]
    assert sum(map(len, parts)) == len(data.openclipart("all"))
    train, test = (part.labels.bincount(minlength=24) for part in parts)
    assert bool((test >= 4).all())
    torch.testing.assert_close(test / (train + test), torch.full((24,), 0.3), atol=0.04, rtol=0)
    train, test = ({image.numpy().tobytes() for image in part.images} for part in parts)
    assert not train & test


def test_drawings_are_on_white_and_differ():
    found = data.openclipart("all")
    border = torch.cat([found.images[:, :, 0], found.images[:, :, -1], found.images[..., 0], found.images[..., -1]], 2)
    assert (border == 255).float().mean() > 0.6
    assert len({image.numpy().tobytes() for image in found.images}) == len(found)
    assert bool((found.images.float().std((1, 2, 3)) > 3).all())


def test_texts_vectors_and_pictures_belong_together():
    found = data.openclipart("all")
    right = ((found.text_vectors @ found.definition_vectors.T).argmax(1) == found.labels).float().mean()
    assert right > 0.85  # chance is below 0.16
    guitars = torch.tensor(["guitar" in title.lower() for title in found.titles])
    assert set(found.labels[guitars].tolist()) == {found.names.index("music")}
    is_card = found.labels == found.names.index("playing card")  # mostly white, and narrower than high
    assert (found.images[is_card, :, :, :4] == 255).float().mean() > 0.9
    jaguar = found.word_vectors[found.words.index("jaguar")]
    assert found.names[(found.definition_vectors @ jaguar).argmax()] == "mammal"


def test_a_part_keeps_rows_together():
    found = data.openclipart("all")
    rows = torch.tensor([5, 3])
    part = found[rows]
    assert part.titles == (found.titles[5], found.titles[3])
    assert part.keywords == (found.keywords[5], found.keywords[3])
    torch.testing.assert_close(part.title_vectors, found.title_vectors[rows])
    assert len(found[:7].titles) == 7


def test_an_unknown_split():
    with pytest.raises(ValueError, match="train, test and all"):
        data.openclipart("validation")


@pytest.mark.parametrize("damage", ["truncate", "alter", "remove"])
def test_a_damaged_or_missing_file_is_named_and_never_used(tmp_path, monkeypatch, damage):
    shutil.copytree(resources.find("data/openclipart"), tmp_path / "data" / "openclipart")
    shutil.copy(resources.find("data/SHA256SUMS"), tmp_path / "data")
    monkeypatch.setattr(resources, "_places", lambda: [tmp_path])
    path = tmp_path / "data" / "openclipart" / "openclipart.npz"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw if damage == "alter" else raw[:-1000])
    if damage == "remove":
        path.unlink()
    with pytest.raises(DataError, match=r"openclipart.npz is (damaged|missing).*git checkout"):
        data.openclipart("all")
