"""One run of one chapter: profile, device, seeds, clock, scores, claims, and the record that is left behind."""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import platform
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from . import chapters, resources, results

PROFILES = ("smoke", "book", "gpu")
CPU_SECONDS = {"smoke": 20, "book": 480, "gpu": 600}  # the budgets that the book promises its readers
MEMORY_GIB = {"smoke": 2, "book": 4, "gpu": None}
TRACED_STEPS = 20


class ProfileError(ValueError):
    """The profile does not exist, or this machine cannot run it."""


def choose_device() -> torch.device:
    """The GPU where there is one, else the CPU; `LABELBOOK_DEVICE` overrules."""
    if os.environ.get("LABELBOOK_DEVICE"):
        return torch.device(os.environ["LABELBOOK_DEVICE"])
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def start(slug: str, profile: str = "book", source: str = "embedded") -> Run:
    """Begin a run of chapter `slug`; prints one line.

    Raises:
        UnknownChapter: `slug` is not in the catalogue.
        ProfileError: unknown profile, or `gpu` on a machine without one.
    """
    if profile not in PROFILES:
        raise ProfileError(f"there is no profile {profile!r}; choose one of {', '.join(PROFILES)}")
    chapters.catalogue()[slug]
    device = choose_device()
    if profile == "gpu" and device.type == "cpu":
        raise ProfileError(
            "profile 'gpu' needs a CUDA GPU and this machine has none. "
            "Use profile 'book' (4 minutes on a laptop), or open the chapter in Colab with a GPU runtime."
        )
    run = Run(slug, profile, source, device)
    print(run)
    return run


class Run:
    """What a chapter needs from the machine, and what it measured. Made by `start`."""

    def __init__(self, slug: str, profile: str, source: str, device: torch.device):
        self.slug, self.profile, self.source, self.device = slug, profile, source, device
        self.scores = results.Scores()
        self.claims: list[results.Claim] = []
        self._traces: dict[str, list] = {}
        self._code = _code_hash_now(slug)
        self.offset = int(os.environ.get("LABELBOOK_SEED_OFFSET", 0))  # not 0 where a result is tried on fresh seeds
        jitter = float(os.environ.get("LABELBOOK_JITTER", 0))
        if jitter:
            from .rounding import Jitter

            Jitter(jitter).__enter__()  # until the process ends
        # Smoke runs on one thread: their first losses are compared between machines.
        threads = 1 if profile == "smoke" else int(os.environ.get("LABELBOOK_THREADS", 0))
        if threads:
            torch.set_num_threads(threads)
        self.seed(0)
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def __str__(self):
        where = self.device.type if self.device.type != "cpu" else f"cpu, threads: {torch.get_num_threads()}"
        limit = f"budget {CPU_SECONDS[self.profile]} CPU-seconds"
        return f"{self.slug} | profile {self.profile} | data {self.source} | {where} | {limit}"

    # ------------------------------------------------------------------------------------------- sizes, data, seeds

    def pick(self, *, smoke, book, gpu):
        """The value for this run's profile; a reader sees all three at once."""
        return {"smoke": smoke, "book": book, "gpu": gpu}[self.profile]

    def data(self, *, embedded: Callable, **others: Callable):
        """Load the data of this run's source; where that cannot be had, say so and fall back to the embedded data.

        Args:
            embedded, others: functions without arguments, one a source name.

        Raises:
            ValueError: the source is none of the names given.
        """
        makers = {"embedded": embedded, **others}
        if self.source not in makers:
            raise ValueError(f"this chapter has no source {self.source!r}; choose one of {', '.join(makers)}")
        try:
            return makers[self.source]()
        except resources.DataError as error:
            if self.source == "embedded":
                raise
            print(f"Source {self.source!r} cannot be had here: {error} Using the embedded data instead.")
            self.source = "embedded"
            return embedded()

    def seed(self, seed: int) -> torch.Generator:
        """Seed Python, NumPy and PyTorch (for initialisation and dropout), and return `self.generator(seed)`."""
        random.seed(seed + self.offset)
        np.random.seed(seed + self.offset)  # noqa: NPY002 (libraries that draw from the global state)
        torch.manual_seed(seed + self.offset)
        return self.generator(seed)

    def generator(self, seed: int) -> torch.Generator:
        """A fresh generator on the run's device."""
        generator = torch.Generator(device=self.device)
        generator.manual_seed(seed + self.offset)
        return generator

    def rng(self, seed: int) -> np.random.Generator:
        """A fresh generator for what NumPy draws."""
        return np.random.default_rng(seed + self.offset)

    def autocast(self):
        """bfloat16 where the device is a GPU, nothing on a CPU. Use as `with run.autocast():`."""
        if self.device.type != "cuda":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def synchronize(self) -> None:
        """Wait for the GPU, before a clock is read."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    # -------------------------------------------------------------------------------------------------- measurement

    def trace(self, method: str, value) -> None:
        """Keep one of the first 20 losses of `method` (a float or a 0-dim tensor): the chapter's fingerprint."""
        values = self._traces.setdefault(method, [])
        if len(values) < TRACED_STEPS:
            values.append(value.detach() if torch.is_tensor(value) else value)

    def claim(self, text: str, *, all_of: tuple = (), **single) -> results.Claim:
        """Test a claim on this run's scores; see `labelbook.results.condition` for the keywords."""
        claim = results.claim(text, self.scores, all_of=all_of, **single)
        self.claims = [c for c in self.claims if c.text != text] + [claim]
        return claim

    def other_records(self) -> list[dict]:
        """Records of this chapter and profile on its other data sources, for showing beside this run."""
        paths = sorted(resources.results_folder(self.profile).glob(f"{self.slug}*.json"))
        records = [results.read_record(p) for p in paths if p.name.split(".")[0] == self.slug]
        return [r for r in records if r["source"] != self.source]

    def record(self) -> dict:
        """Everything this run leaves behind, as plain values."""
        return {
            "schema": results.SCHEMA,
            "slug": self.slug,
            "profile": self.profile,
            "source": self.source,
            "scores": self.scores.to_list(),
            "claims": [c.to_dict() for c in self.claims],
            "fingerprint": {m: [_finite(v) for v in values] for m, values in self._traces.items()},
            "code": self._code,
            "seed_offset": self.offset,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "device": _device_name(self.device),
            "threads": torch.get_num_threads(),
            "versions": _versions(),
            "cpu_seconds": round(time.process_time() - self._cpu, 2),
            "wall_seconds": round(time.perf_counter() - self._wall, 2),
            "peak_memory_mib": _peak_memory_mib(self.device),
        }

    def save(self) -> Path:
        """Write the record, whole or not at all, and print one line.

        Where the results folder cannot be written to, the record goes to the temporary folder and the line says so:
        nothing that was computed is lost.
        """
        self.synchronize()
        record = self.record()
        text = results.record_text(record)
        name = f"{self.slug}.json" if self.source == "embedded" else f"{self.slug}.{self.source}.json"
        path = resources.results_folder(self.profile) / name
        try:
            results.write_whole(path, text)
        except OSError as error:
            fallback = Path(tempfile.mkdtemp(prefix="labelbook-")) / name
            results.write_whole(fallback, text)
            print(
                f"The record could not be written to {path} ({error.strerror or error}). "
                f"It is kept in {fallback}: make the folder writable and move it there."
            )
            return fallback
        print(f"Record saved: {len(record['scores'])} scores, {record['cpu_seconds']:.0f} CPU-seconds.")
        return path


# ------------------------------------------------------------------------------------------------------- particulars


def _finite(value) -> float | None:
    value = float(value)
    return value if math.isfinite(value) else None


def _code_hash_now(slug: str) -> str | None:
    """The hash of the notebook in the checkout; None in an installed package, which carries method cells only."""
    chapter = chapters.catalogue()[slug]
    if resources.checkout() is None or not chapter.written:
        return None
    return chapters.code_hash(chapters.read_notebook(chapter.notebook()))


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.system()} {_processor()}, {os.cpu_count()} cores"


def _processor() -> str:
    """What decides how sums round: the processor's name, on Linux its model, and the instructions that PyTorch uses."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        rows = (line.partition(":")[::2] for line in cpuinfo.read_text(errors="replace").splitlines())
        facts = {}
        for key, value in rows:  # the first core speaks for all
            facts.setdefault(key.strip(), value.strip())
        if "model name" in facts:
            numbers = ".".join(facts.get(key, "?") for key in ("cpu family", "model", "stepping"))
            name = f"{facts['model name']} {numbers}"
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"


def _versions() -> dict[str, str]:
    """Versions of the libraries that this run really used."""
    used = ("torch", "torchvision", "numpy", "scipy", "sklearn", "pandas", "torch_geometric")
    found = {name: sys.modules[name].__version__ for name in used if name in sys.modules}
    return {"python": platform.python_version(), **{name: str(version) for name, version in found.items()}}


def _peak_memory_mib(device: torch.device) -> int:
    """The largest resident size of this process; on a GPU the largest allocation there."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB on Linux, bytes on macOS
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))
