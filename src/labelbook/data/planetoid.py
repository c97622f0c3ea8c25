"""Cora and CiteSeer: papers, the words in them, and which cites which (planetoid's files; downloaded once, verified).

The files are pickles, and a pickle can run any code while it is opened. So they are opened only after their checksum
matched, and by a reader that builds nothing but arrays, sparse matrices, dictionaries and lists. `torch_geometric` can
fetch the same files; it is not used, because its loader trusts what it downloads, and because a large package would
save these few lines.
"""

from __future__ import annotations

import collections
import io
import pickle
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import resources

NAMES = ("cora", "citeseer")
COMMIT = "af6abf468a772cc055bec88c52e4d6f51b7c37e3"
REPOSITORY = "kimiyoung/planetoid"
ADDRESS = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/data"
FOLDER = "planetoid/data"
SHA256 = {
    "ind.citeseer.allx": "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
    "ind.citeseer.ally": "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
    "ind.citeseer.graph": "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
    "ind.citeseer.test.index": "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4",
    "ind.citeseer.tx": "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
    "ind.citeseer.ty": "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
    "ind.citeseer.x": "d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6",
    "ind.citeseer.y": "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924",
    "ind.cora.allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
    "ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
    "ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
    "ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    "ind.cora.tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
    "ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
    "ind.cora.x": "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
    "ind.cora.y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
}


@dataclass(frozen=True)
class CitationGraph:
    """Documents with words, classes and undirected links.

    Attributes:
        features: float32 [n,f], 1 where the document has the word (CiteSeer: 15 documents have none).
        labels: int64 [n]; -1 where the class is not known (those 15).
        edges: int64 [2,e], each link in both directions, without self-loops or repetitions, sorted.
        train, val, test: the usual split as indices: 20 documents a class, 500 and 1,000.
        num_classes: 7 for Cora, 6 for CiteSeer.
        origin: where it came from.
    """

    features: Tensor
    labels: Tensor
    edges: Tensor
    train: Tensor
    val: Tensor
    test: Tensor
    num_classes: int
    origin: str

    def __len__(self):
        return len(self.labels)


def citation_graph(name: str, *, device="cpu") -> CitationGraph:
    """Cora (2,708 documents, 1,433 words) or CiteSeer (3,327 documents, 3,703 words), in planetoid's order.

    Args:
        name: "cora" or "citeseer".

    Raises:
        DataError: a file cannot be downloaded, is not the listed one, or holds what such a file should not; says which.
        ValueError: unknown name.
    """
    if name not in NAMES:
        raise ValueError(f"planetoid's graphs here are {' and '.join(NAMES)}, not {name!r}")
    content = {
        part: _content(f"ind.{name}.{part}") for part in ("y", "allx", "ally", "tx", "ty", "graph", "test.index")
    }
    test = np.array(content.pop("test.index").split(), dtype=np.int64)
    parts = {part: _unpickle(raw, f"ind.{name}.{part}") for part, raw in content.items()}
    seen, n = len(parts["ally"]), len(parts["graph"])

    features = np.zeros((n, parts["allx"].shape[1]), np.float32)
    features[:seen], features[test] = parts["allx"].toarray(), parts["tx"].toarray()
    labels = np.full(n, -1)
    labels[:seen], labels[test] = parts["ally"].argmax(1), parts["ty"].argmax(1)
    pairs = np.array([(i, j) for i, others in parts["graph"].items() for j in others]).T
    pairs = pairs[:, pairs[0] != pairs[1]]
    edges = np.unique(np.concatenate([pairs, pairs[::-1]], 1), axis=1)

    train = np.arange(len(parts["y"]))
    tensors = (features, labels, edges, train, len(train) + np.arange(500), np.sort(test))
    return CitationGraph(
        *(torch.from_numpy(array).to(device) for array in tensors),
        num_classes=parts["y"].shape[1],
        origin=f"{name.capitalize().replace('seer', 'Seer')} (planetoid, {COMMIT[:7]})",
    )


def _content(file: str) -> bytes:
    folder = resources.cache_folder() / FOLDER
    instead = f"Put the folder data of {REPOSITORY} at {COMMIT[:12]} into {folder}."
    return resources.downloaded(f"{FOLDER}/{file}", f"{ADDRESS}/{file}", SHA256[file], title=file, instead=instead)


class _Reader(pickle.Unpickler):
    """Builds what these files consist of and refuses every other name."""

    def find_class(self, module, name):
        import scipy.sparse

        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("scipy.sparse.csr", "csr_matrix"): scipy.sparse.csr_matrix,
            ("collections", "defaultdict"): collections.defaultdict,
            ("__builtin__", "list"): list,
            ("builtins", "list"): list,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return allowed[module, name]


def _unpickle(content: bytes, file: str):
    try:
        return _Reader(io.BytesIO(content), encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError) as error:
        raise resources.DataError(f"{file} is not one of planetoid's files: {error}.") from error
