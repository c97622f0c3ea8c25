"""Online complaints about officials: what experts read in them and what GPT-4 did (R package dsl; downloaded once).

The file is R's own format for saved objects. R's packages are not needed for it: what this one holds are columns of
numbers, and the reader below builds nothing else. The package is under the GPL-2, so its data stay outside the book.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import resources

COMMIT = "537664a54163dda52ee277071fdfd9e8df2572a6"
REPOSITORY = "naoki-egami/dsl"
FILE = "PanChen.rdata"
ADDRESS = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/data/{FILE}"
FOLDER = "dsl/data"
SHA256 = "72eb527e56dc0726e9264ef09bb2b2bfe4561dd60fbba4c79b4d7226d7eb6c6c"
OTHERS = ("prefecWrong", "connect2b", "prevalence", "regionj", "groupIssue")


@dataclass(frozen=True)
class Complaints:
    """1,412 complaints, every entry 0 or 1.

    Attributes:
        reported: float64 [1412], whether it was passed on to the higher level of government ("SendOrNot").
        county: float64 [1412], whether it accuses county officials, as read by experts; NaN where nobody read it.
        machine: float64 [1412], the same question answered by GPT-4 ("pred_countyWrong").
        others: float64 [1412,5], the covariates `names`, known for all.
        names: of the columns of `others`, in the package's words.
        origin: where it came from.
    """

    reported: Tensor
    county: Tensor
    machine: Tensor
    others: Tensor
    names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.reported)


def online_complaints(*, device="cpu") -> Complaints:
    """The example of the R package dsl: data of Pan and Chen (2018), 500 complaints read by experts, all by GPT-4.

    Raises:
        DataError: the file cannot be downloaded, is not the listed one, or holds what it should not.
    """
    columns = _columns(_content())
    try:
        known = [columns[name] for name in ("SendOrNot", "countyWrong", "pred_countyWrong")]
        others = np.stack([columns[name] for name in OTHERS], 1)
    except KeyError as error:
        raise resources.DataError(f"{FILE} has no column {error}.") from error
    tensors = [torch.from_numpy(array).to(device) for array in (*known, others)]
    return Complaints(*tensors, OTHERS, f"Pan and Chen 2018 (dsl, {COMMIT[:7]})")


def _content() -> bytes:
    instead = f"Put data/{FILE} of {REPOSITORY} at {COMMIT[:12]} into {resources.cache_folder() / FOLDER}."
    return resources.downloaded(f"{FOLDER}/{FILE}", ADDRESS, SHA256, title=FILE, instead=instead)


def _columns(content: bytes) -> dict[str, np.ndarray]:
    """The columns of the only data frame in a file of R's save(), each float64 [n]."""
    try:
        raw = gzip.decompress(content)
        if raw[:7] != b"RDX3\nX\n":
            raise ValueError("it is not in R's binary format, version 3")
        reader = _Reader(raw, 7)
        reader.numbers(">i4", 3)  # versions of the format, of the writer, and the oldest that can read it
        reader.take(reader.number())  # name of the encoding
        ((columns, attributes),) = reader.item().values()
        return {
            name: np.asarray(column, dtype=np.float64)
            for name, column in zip(attributes["names"], columns, strict=True)
        }
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, zlib.error) as error:
        raise resources.DataError(f"{FILE} is not a data frame as R saves it: {error}.") from error


class _Reader:
    """R's serialisation, as far as data frames of plain numbers need it; everything else is refused."""

    def __init__(self, raw: bytes, place: int):
        self.raw, self.place, self.symbols = raw, place, []

    def take(self, length: int) -> bytes:
        if not 0 <= length <= len(self.raw) - self.place:
            raise ValueError("it ends too early")
        self.place += length
        return self.raw[self.place - length : self.place]

    def number(self) -> int:
        return struct.unpack(">i", self.take(4))[0]

    def numbers(self, kind: str, count: int) -> np.ndarray:
        return np.frombuffer(self.take(np.dtype(kind).itemsize * count), kind)

    def item(self):
        """The next object; one with attributes comes as a pair (object, attributes)."""
        flags = self.number()
        kind, attributed = flags & 255, bool(flags & 512)
        if kind == 254:  # nothing
            return None
        if kind == 255:  # a symbol seen before
            return self.symbols[(flags >> 8) - 1]
        if kind == 1:
            self.symbols.append(self.item())
            return self.symbols[-1]
        if kind == 2:  # a list of tags and values, which ends with "nothing"
            pairs = {}
            while kind == 2:
                tag = self.item()
                pairs[tag] = self.item()
                kind = self.number() & 255
            return pairs
        count = self.number()
        if kind == 9:
            return self.take(count).decode()
        if kind in (10, 13, 14):  # logical, integer, real
            value = self.numbers(">f8" if kind == 14 else ">i4", count)
        elif kind in (16, 19):  # strings, a list
            value = [self.item() for _ in range(count)]
        else:
            raise ValueError(f"it holds an object of type {kind}")
        return (value, self.item()) if attributed else value
