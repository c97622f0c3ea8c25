"""The embedded predictions and votes, and what is said when a file is not what it should be."""

import shutil

import pytest
import torch

from labelbook import data, resources
from labelbook.resources import DataError


@pytest.mark.parametrize(
    ("name", "suspects", "errors", "correctable"), [("mnist", 100, 15, 10), ("cifar10", 275, 54, 18)]
)
def test_the_published_counts_come_out(name, suspects, errors, correctable):
    found = data.label_errors(name)
    assert (found.pred_probs.shape, found.pred_probs.dtype) == ((10_000, 10), torch.float32)
    assert torch.allclose(found.pred_probs.sum(1), torch.ones(10_000), atol=1e-5)
    assert found.labels.shape == (10_000,)
    assert len(found.index) == len(found.guessed) == len(found.votes) == suspects
    assert (found.votes.sum(1) == 5).all()
    assert (found.votes[:, 0] < 3).sum() == errors
    wrong = found.votes[:, 1] >= 3
    assert wrong.sum() == correctable
    assert (found.guessed[wrong] != found.labels[found.index[wrong]]).all()
    assert torch.equal(found.guessed, found.pred_probs[found.index].argmax(1))


def test_eight_sets_of_votes():
    votes = data.label_error_votes()
    assert len(votes) == 8
    assert all(v.shape[1] == 4 and (v.sum(1) == 5).all() for v in votes.values())
    assert (votes["imagenet"][:, 0] < 3).sum() == 2916
    assert torch.equal(votes["mnist"], data.label_errors("mnist").votes)


def test_an_unknown_name():
    with pytest.raises(ValueError, match="mnist, cifar10"):
        data.label_errors("imagenet")


@pytest.fixture
def copy(tmp_path, monkeypatch):
    shutil.copytree(resources.find("data/label-errors"), tmp_path / "data" / "label-errors")
    shutil.copy(resources.find("data/SHA256SUMS"), tmp_path / "data")
    monkeypatch.setattr(resources, "checkout", lambda: tmp_path)
    return tmp_path / "data" / "label-errors"


@pytest.mark.parametrize(
    ("file", "load"), [("mnist.npz", lambda: data.label_errors("mnist")), ("votes.npz", data.label_error_votes)]
)
def test_a_damaged_or_missing_file_is_named(copy, file, load):
    (copy / file).write_bytes((copy / file).read_bytes()[:-100])
    with pytest.raises(DataError, match=rf"{file} is damaged.*git checkout"):
        load()
    (copy / file).unlink()
    with pytest.raises(DataError, match=rf"{file} is missing.*git checkout"):
        load()
