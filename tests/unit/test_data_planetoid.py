"""Cora and CiteSeer, where their files are in the cache; and what is said of files that are missing, damaged or hostile."""

import hashlib
import os
import pickle

import numpy as np
import pytest
import scipy.sparse
import torch

from labelbook import data, resources
from labelbook.data import planetoid
from labelbook.resources import DataError


def cached(name):
    folder = resources.cache_folder() / planetoid.FOLDER
    return all((folder / file).is_file() for file in planetoid.SHA256 if f".{name}." in file and ".x" not in file)


@pytest.mark.parametrize(
    ("name", "n", "words", "classes", "links", "unknown"),
    [("cora", 2708, 1433, 7, 5278, 0), ("citeseer", 3327, 3703, 6, 4552, 15)],
)
def test_the_published_sizes(name, n, words, classes, links, unknown):
    if not cached(name):
        pytest.skip(f"{name} is not in the cache")
    graph = data.citation_graph(name)
    assert len(graph) == n
    assert (graph.features.shape, graph.features.dtype) == ((n, words), torch.float32)
    assert graph.num_classes == classes
    assert graph.edges.shape == (2, 2 * links)
    assert (graph.edges[0] != graph.edges[1]).all()
    assert (graph.labels == -1).sum() == unknown
    assert torch.equal(graph.labels[graph.train].bincount(), torch.full((classes,), 20))
    assert (len(graph.val), len(graph.test)) == (500, 1000)
    assert len(torch.cat([graph.train, graph.val, graph.test]).unique()) == 20 * classes + 1500
    assert (graph.labels[graph.test] >= 0).all()
    linked = graph.labels[graph.edges]
    assert 0.7 < (linked[0] == linked[1]).float().mean() < 0.85


def test_an_unknown_name():
    with pytest.raises(ValueError, match="cora and citeseer"):
        data.citation_graph("pubmed")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A graph of five documents in planetoid's format, with checksums of its own, in a cache of its own."""
    folder = tmp_path / planetoid.FOLDER
    folder.mkdir(parents=True)
    words = scipy.sparse.csr_matrix(np.eye(5, 4, dtype=np.float32))
    classes = np.eye(2, dtype=np.int32)[[0, 1, 0, 1, 0]]
    parts = {
        "y": classes[:2], "allx": words[:3], "ally": classes[:3], "tx": words[3:], "ty": classes[3:],
        "graph": {0: [1, 1], 1: [0], 2: [2, 4], 3: [], 4: [2]},
    }  # fmt: skip
    for part, value in parts.items():
        raw = pickle.dumps(value, protocol=3)
        # Written as Python 2 and the SciPy of its day did.
        raw = raw.replace(b"cscipy.sparse._csr\n", b"cscipy.sparse.csr\n")
        raw = raw.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
        (folder / f"ind.cora.{part}").write_bytes(raw)
    (folder / "ind.cora.test.index").write_text("4\n3\n")
    monkeypatch.setenv("LABELBOOK_CACHE", str(tmp_path))
    sums = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    monkeypatch.setattr(planetoid, "SHA256", sums)
    return folder


def test_order_links_and_classes(tiny):
    graph = data.citation_graph("cora")
    assert graph.labels.tolist() == [0, 1, 0, 0, 1]  # the test file says: first document 4, then document 3
    assert graph.features.argmax(1).tolist() == [0, 1, 2, 0, 3]
    assert graph.edges.T.tolist() == [[0, 1], [1, 0], [2, 4], [4, 2]]  # twice is once, and nobody cites themselves


def test_a_damaged_file_is_named(tiny):
    path = tiny / "ind.cora.allx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"ind\.cora\.allx is damaged.*Delete it"):
        data.citation_graph("cora")


def test_a_missing_download_says_what_to_do(tiny, monkeypatch):
    import pooch

    def offline(*args, **options):
        raise OSError("no network")

    monkeypatch.setattr(pooch, "retrieve", offline)
    (tiny / "ind.cora.graph").unlink()
    with pytest.raises(DataError, match=r"ind\.cora\.graph could not be downloaded.*Put the folder"):
        data.citation_graph("cora")


def test_a_pickle_that_would_run_code_is_refused(tiny, monkeypatch):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tiny / "made"),)

    raw = pickle.dumps(Hostile(), protocol=3)
    (tiny / "ind.cora.graph").write_bytes(raw)
    monkeypatch.setitem(planetoid.SHA256, "ind.cora.graph", hashlib.sha256(raw).hexdigest())
    with pytest.raises(DataError, match=r"ind\.cora\.graph is not one of planetoid's files.*mkdir"):
        data.citation_graph("cora")
    assert not (tiny / "made").exists()
