"""Everything that is timed, in one run: `make bench`. pytest collects this file only where it is named.

What is compared runs in turn, round by round, so that a busy machine slows both: the ratios hold elsewhere, the seconds
do not. All that was found goes to `data/results/benchmarks.json`, also where it disappoints, and from there to the page.
"""

from __future__ import annotations

import ast
import datetime
import json
import math
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from common import ROOT, SLUGS
from methods import ENTRIES, PLAIN
from threadpoolctl import threadpool_limits

from labelbook import batches, chapters, data, execute, results

ROUNDS = 15
SECTIONS = ("batches", "methods", "loading", "site", "smoke")
CLOCK = Path(__file__).with_name("clock")


@pytest.fixture(scope="session")
def found():
    """What the tests found, by section; written down at the end if all sections are there."""
    sections = {"methods": [], "loading": []}
    yield sections
    if all(sections.get(name) for name in SECTIONS):
        text = json.dumps({**about(), **sections}, indent=1, ensure_ascii=False)
        results.write_whole(ROOT / "data" / "results" / "benchmarks.json", text + "\n")


@pytest.fixture
def one_thread():
    """One thread for PyTorch and NumPy: where a neighbour is busy, several wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


def about() -> dict:
    """When, on what and with what it was measured; nothing that names the machine."""
    return {
        "schema": 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()} CPU, {cores()} cores",
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }


def cores() -> int:
    return len(os.sched_getaffinity(0))


def seconds(function, calls: int = 1) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        function()
    return time.perf_counter() - began


def enough_calls(function) -> int:
    """So many that they take 50 milliseconds: the clock is exact, and caches that the other side used are warm again."""
    return math.ceil(0.05 / min(seconds(function) for _ in range(3)))


def in_turn(benchmark, ours, theirs, rounds: int = ROUNDS) -> dict:
    """Time both functions in each round; how many times as long the other one takes: median and middle half."""
    calls, calls_of_theirs, other = enough_calls(ours), enough_calls(theirs), []

    def first():
        other.append(seconds(theirs, calls_of_theirs) / calls_of_theirs)

    benchmark.pedantic(seconds, (ours, calls), setup=first, rounds=rounds)
    mine = np.array(benchmark.stats.stats.data) / calls
    low, ratio, high = np.quantile(np.array(other) / mine, (0.25, 0.5, 0.75))
    return {
        "ratio": round(float(ratio), 4),
        "middle_half": [round(float(low), 4), round(float(high), 4)],
        "milliseconds": round(1000 * float(np.median(mine)), 4),
    }


# ---------------------------------------------------------------------------------------------------------- batches


class Samples(torch.utils.data.Dataset):
    """One picture at a time, as torchvision's data sets give them."""

    def __init__(self, images, transform):
        self.images, self.transform = images, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(self.images[index])


def test_batches(benchmark, found, one_thread):
    """Shuffled, shifted and mirrored batches, on one thread, beside a DataLoader with the best number of workers."""
    from torchvision.transforms import v2

    images, size = data.fashion_mnist("train").floats()[:10_000], 128
    samples = Samples(images, v2.Compose([v2.RandomCrop(28, padding=4), v2.RandomHorizontalFlip()]))
    loaders = {
        workers: torch.utils.data.DataLoader(
            samples, size, shuffle=True, num_workers=workers, persistent_workers=workers > 0
        )
        for workers in range(cores() + 1)
    }

    def one_epoch(workers):
        return sum(len(batch) for batch in loaders[workers])

    def ours():
        generator = torch.Generator().manual_seed(0)
        for index in batches.minibatches(len(images), size, generator):
            batches.random_flip(batches.random_shift(images[index], 4, generator), generator)

    spent = {workers: min(seconds(partial(one_epoch, workers)) for _ in range(3)) for workers in loaders}
    best = min(spent, key=spent.get)
    row = in_turn(benchmark, ours, partial(one_epoch, best), rounds=7)
    found["batches"] = {**row, "images": len(images), "workers": best}
    assert row["middle_half"][0] >= 10


# ---------------------------------------------------------------------------------------------------------- methods


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.slug}-{entry.name}")
def test_methods(benchmark, found, one_thread, entry):
    """A chapter's computation is not slower than the library's, on one thread each, unless the table says why."""
    row = in_turn(benchmark, *entry.make(chapters.load(entry.slug)))
    facts = {"slug": entry.slug, "what": entry.what, "beside": entry.beside, "slower": entry.slower}
    found["methods"].append({**facts, **row})
    if entry.beside != PLAIN:
        slower = row["middle_half"][1] < 1  # in three rounds out of four
        assert slower == bool(entry.slower)


def test_every_chapter_has_an_entry():
    assert set(SLUGS) - {entry.slug for entry in ENTRIES} == set()


# ---------------------------------------------------------------------------------------------------------- loading


@pytest.mark.parametrize("slug", SLUGS)
def test_loading(benchmark, found, slug):
    """`load(slug)` in a fresh interpreter, less what the method cells import: within a tenth of a second."""
    sources = chapters.code_cells(chapters.read_notebook(chapters.catalogue()[slug].notebook()), tag="method")
    statements = [node for source in sources for node in ast.parse(source).body]
    imports = [ast.unparse(node) for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]
    lines = [*imports, "import time", "began = time.perf_counter()", "from labelbook.chapters import load"]
    program = "\n".join([*lines, f"load({slug!r})", "print(time.perf_counter() - began)"])
    spent = []

    def once():
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        spent.append(float(done.stdout))

    benchmark.pedantic(once, rounds=3)
    found["loading"].append({"slug": slug, "seconds": round(min(spent), 4)})
    assert min(spent) <= 0.1


# ------------------------------------------------------------------------------------------------------------- site


def test_site(benchmark, found):
    """The whole site from nothing, once."""
    sys.path.insert(0, str(ROOT / "book"))
    import build_site

    (ROOT / "_build" / "built-from").unlink(missing_ok=True)
    benchmark.pedantic(build_site.build, rounds=1)
    pages = 1 + len(re.findall(r"- file: ", (ROOT / "_toc.yml").read_text(encoding="utf-8")))
    found["site"] = {"pages": pages, "seconds": round(benchmark.stats.stats.min, 2)}


# ------------------------------------------------------------------------------------------------------ smoke suite


def test_smoke_suite(benchmark, found, monkeypatch):
    """All chapters in `smoke` with two jobs, and what each spends its time on."""
    ended = {}

    def notify(outcome):
        if outcome.state not in ("waiting", "running"):
            ended[outcome.slug] = time.time()

    with tempfile.TemporaryDirectory() as folder:
        clocks = Path(folder) / "clocks"
        clocks.mkdir()
        monkeypatch.setenv("LABELBOOK_CLOCK", str(clocks))
        monkeypatch.setenv("PYTHONPATH", str(CLOCK))
        outcomes = benchmark.pedantic(
            execute.run_chapters,
            kwargs={
                "slugs": SLUGS,
                "profile": "smoke",
                "jobs": 2,
                "apart": Path(folder) / "apart",
                "notify": notify,
                "seconds": 600,
            },
            rounds=1,
        )
        read = [json.loads(path.read_text()) for path in clocks.glob("*.json")]
    assert [outcome.why for outcome in outcomes if outcome.state != "finished"] == []
    rows = [
        phases(outcome, [c for c in read if c["saved"] == outcome.slug], ended[outcome.slug]) for outcome in outcomes
    ]
    found["smoke"] = {"jobs": 2, "seconds": round(benchmark.stats.stats.min, 1), "chapters": rows}


def phases(outcome: execute.Outcome, clocks: list[dict], ended: float) -> dict:
    """CPU-seconds of one chapter by what they were spent on, in the runner's process and in the kernel; wall seconds."""
    (kernel,) = (c for c in clocks if c["last_cell"] is not None)
    (runner,) = (c for c in clocks if c["last_cell"] is None)
    cpu = {name: spent[1] for name, spent in kernel["sums"].items()}
    cpu["runner"] = sum(spent[1] for spent in runner["sums"].values())
    return {
        "slug": outcome.slug,
        "cpu": {name: round(spent, 2) for name, spent in cpu.items()},
        "seconds": round(outcome.seconds, 1),
        "exit": round(ended - kernel["last_cell"], 1),
    }
