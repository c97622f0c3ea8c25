"""The embedded judgements of TRUE and the mails' vectors: what the loaders give, and what they say of a bad file."""

import shutil

import pytest
import torch

from labelbook import data, resources
from labelbook.resources import DataError


@pytest.mark.parametrize(
    ("part", "labels"),
    [("wow test", [2209, 1392, 6]), ("wow dev", [250, 180]), ("cmu-dog dev", [278, 59, 79])],
)
def test_the_answers_are_the_known_ones(part, labels):
    found = data.begin(part)
    assert found.labels.bincount().tolist() == labels
    assert len(found) == sum(labels) == len(found.knowledge) == len(found.systems)
    assert (found.similarity.shape, found.similarity.dtype) == ((len(found), 9), torch.float32)
    assert found.similarity.abs().max() <= 1
    assert all(found.responses)
    assert all(found.knowledge)
    assert set(found.systems) == {"ctrl", "doha", "gpt2", "t5"}


def test_similarities_belong_to_their_answers():
    found = data.begin()
    cosine = found.similarity[:, 0]
    same = torch.tensor([a == b for a, b in zip(found.knowledge, found.responses, strict=True)])
    assert same.sum() > 10
    assert cosine[same].min() > 0.99
    assert cosine[found.labels == 1].mean() > cosine[found.labels == 0].mean() + 0.1


def test_begin_names_its_parts():
    with pytest.raises(ValueError, match="wow test, wow dev, cmu-dog dev"):
        data.begin("test")


def test_the_summaries_are_the_known_ones():
    found = data.xsum_judgements()
    assert len(found) == len(found.systems) == 1992
    assert len(found.articles.unique()) == 498
    assert (found.faithful.shape, found.factual.shape, found.scores.shape) == ((1992, 3), (1992, 3), (1992, 5))
    assert found.faithful.unique().tolist() == found.factual.unique().tolist() == [-1, 0, 1]
    assert (found.faithful < 0).sum() < 3
    assert found.score_names[0] == "Entailment"
    faithful = found.faithful.sum(1) >= 2
    assert 0.05 < faithful.double().mean() < 0.15
    assert found.scores[faithful, 0].mean() > found.scores[~faithful, 0].mean() + 0.1


def test_vectors_belong_to_their_mails():
    found = data.mail_vectors()
    train, test = data.mails("train"), data.mails("test")
    assert len(found) == len(train) + len(test)
    assert (found.similarity.shape, found.vectors.shape) == ((2, len(found), 8), (len(found), 96))
    assert found.vectors.dtype == found.similarity.dtype == torch.float32
    labels = torch.cat([train.labels, test.labels])
    means = torch.stack([found.vectors[labels == k].mean(0) for k in (0, 1)])
    assert (torch.cdist(found.vectors, means).argmin(1) == labels).double().mean() > 0.85
    assert len(found.prompts) == 4


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("true/true.npz", data.begin),
        ("true/true.npz", data.xsum_judgements),
        ("mails/vectors.npz", data.mail_vectors),
    ],
)
@pytest.mark.parametrize("damage", ["truncate", "alter", "remove"])
def test_a_damaged_or_missing_file_is_named_and_never_used(tmp_path, monkeypatch, name, load, damage):
    path = tmp_path / "data" / name
    path.parent.mkdir(parents=True)
    shutil.copy(resources.find(f"data/{name}"), path)
    shutil.copy(resources.find("data/SHA256SUMS"), tmp_path / "data")
    monkeypatch.setattr(resources, "_places", lambda: [tmp_path])
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw if damage == "alter" else raw[:-1000])
    if damage == "remove":
        path.unlink()
    with pytest.raises(DataError, match=rf"{path.name} is (damaged|missing).*git checkout"):
        load()
