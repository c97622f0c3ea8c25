"""The embedded reviews: what the loader gives, and what it says when the file is not what it should be."""

import shutil

import pytest
import torch

from labelbook import data, resources
from labelbook.resources import DataError


def test_the_reviews_are_the_known_ones():
    found = data.clothing_reviews()
    assert len(found) == len(found.bodies) == 7000
    assert found.labels.bincount().tolist() == [3500, 3500]
    assert (found.embeddings.shape, found.embeddings.dtype) == ((7000, 384), torch.float32)
    torch.testing.assert_close(found.embeddings.norm(dim=1), torch.ones(7000), atol=0.02, rtol=0)
    assert all(found.titles)
    assert len(set(found.bodies)) == 7000
    assert found.stars.unique().tolist() == [1, 2, 3, 4, 5]
    assert found.stars[found.labels == 1].float().mean() > 4 > 3 > found.stars[found.labels == 0].float().mean()


def test_embeddings_belong_to_their_texts():
    found = data.clothing_reviews()
    about_dresses = [
        "dress" in f"{title} {body}".lower() for title, body in zip(found.titles, found.bodies, strict=True)
    ]
    mean = found.embeddings[torch.tensor(about_dresses)].mean(0)
    nearest = (found.embeddings @ mean).argsort(descending=True)[:300].tolist()
    assert sum(about_dresses[i] for i in nearest) > 270 > 300 * sum(about_dresses) / 7000


@pytest.mark.parametrize("damage", ["truncate", "alter", "remove"])
def test_a_damaged_or_missing_file_is_named_and_never_used(tmp_path, monkeypatch, damage):
    shutil.copytree(resources.find("data/reviews"), tmp_path / "data" / "reviews")
    shutil.copy(resources.find("data/SHA256SUMS"), tmp_path / "data")
    monkeypatch.setattr(resources, "_places", lambda: [tmp_path])
    path = tmp_path / "data" / "reviews" / "reviews.npz"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw if damage == "alter" else raw[:-1000])
    if damage == "remove":
        path.unlink()
    with pytest.raises(DataError, match=r"reviews.npz is (damaged|missing).*git checkout"):
        data.clothing_reviews()
