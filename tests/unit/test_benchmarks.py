"""The page of benchmarks from made-up findings, and the stop-watch that takes a smoke run apart."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from common import ROOT

from labelbook import chapters

sys.path.insert(0, str(ROOT / "book"))
import benchmarks

CATALOGUE = chapters.catalogue()
FIRST, SECOND = CATALOGUE.written[:2]
CPU = {
    "imports": 3.0,
    "cells": 4.0,
    "figures": 1.0,
    "data": 0.5,
    "start": 0.1,
    "between": 0.3,
    "saving": 0.1,
    "runner": 1.0,
}


def method(slug, beside, ratio, slower=""):
    half = [0.9 * ratio, 1.1 * ratio]
    facts = {"slug": slug, "what": "sums of 10 <b>numbers</b>", "beside": beside, "slower": slower}
    return {**facts, "ratio": ratio, "middle_half": half, "milliseconds": 1.0}


@pytest.fixture
def found():
    return {
        "schema": 1,
        "date": "2026-01-02",
        "machine": "Linux x86_64 CPU, 2 cores",
        "versions": {"python": "3.11.2", "torch": "2.14.1", "numpy": "2.4.6"},
        "batches": {"ratio": 41.23, "middle_half": [38.0, 44.0], "milliseconds": 20.0, "images": 10_000, "workers": 1},
        "methods": [
            method(FIRST.slug, "scipy.special.logit", 4.56),
            method(FIRST.slug, "scipy.ndimage.label", 0.15, "it is written in C"),
            method(FIRST.slug, benchmarks.PLAIN, 0.5),
        ],
        "loading": [{"slug": FIRST.slug, "seconds": 0.0123}, {"slug": SECOND.slug, "seconds": 0.0456}],
        "site": {"pages": 30, "seconds": 20.0},
        "smoke": {
            "jobs": 2,
            "seconds": 15.0,
            "chapters": [
                {"slug": slug, "cpu": CPU, "seconds": 14.0, "exit": exit}
                for slug, exit in ((FIRST.slug, 1.0), (SECOND.slug, 3.0))
            ],
        },
    }


def plain(markdown):
    return markdown.replace("\\", "")


def test_ratios_are_short_and_have_a_range(found):
    made = benchmarks.pieces(found, CATALOGUE)
    assert "**41 (38 to 44) times**" in made["batches"]
    assert "has one worker here" in made["batches"]
    rows = [line for line in made["libraries"].splitlines() if line.startswith("| [")]
    assert len(rows) == 2
    assert plain(rows[0]).endswith("| scipy.special.logit | 4.6 (4.1 to 5.0) |")
    assert plain(rows[1]).endswith("| scipy.ndimage.label | 0.15 (0.14 to 0.17) |")


def test_a_slower_method_says_why(found):
    made = benchmarks.pieces(found, CATALOGUE)
    assert f"{FIRST.name}: it is written in C." in plain(made["libraries"])
    assert "Slower" not in made["plain"]


def test_names_and_computations_show_their_characters(found):
    made = benchmarks.pieces(found, CATALOGUE)["plain"]
    assert "<b>" not in made
    assert f"(../{FIRST.path})" in made
    assert [line.count("|") for line in made.strip().splitlines()] == [4, 4, 4]


def test_chapters_without_an_entry_are_named(found):
    assert plain(benchmarks.pieces(found, CATALOGUE)["missing"]).startswith(
        f"Written since, and not measured yet: {SECOND.name}"
    )
    found["methods"] += [method(chapter.slug, benchmarks.PLAIN, 1.0) for chapter in CATALOGUE.written]
    assert benchmarks.pieces(found, CATALOGUE)["missing"] == ""


def test_the_smoke_suite_adds_up(found):
    made = benchmarks.pieces(found, CATALOGUE)["smoke"]
    number = len(CATALOGUE.chapters)
    assert "2 chapters with 2 jobs took 15 s and 20 CPU-seconds: runner 10%, imports 30%" in made
    assert "2.0 s passed on average" in made
    assert f"all {number} chapters take {15 * number / 2 / 60:.1f} minutes" in made
    assert made.strip().splitlines()[-1].endswith("| 1.0 | 3.0 | 0.5 | 1.0 | 4.0 | 0.5 | 10.0 | 14 | 3.0 |")


def test_loading_and_site(found):
    made = benchmarks.pieces(found, CATALOGUE)
    assert f"12 ms for {FIRST.name} and the slowest 46 ms for {SECOND.name}" in plain(made["loading"])
    assert made["site"] == "30 pages took 20 s from nothing: 1.5 pages a second.\n"


def test_before_the_first_run_the_page_says_so(tmp_path):
    made = benchmarks.pieces(benchmarks.read(tmp_path / "benchmarks.json"), CATALOGUE)
    assert made.pop("run") == "Not measured yet.\n"
    assert set(made.values()) == {""}


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 2}', '{"schema": 1, "batches": {}}'])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "benchmarks.json").write_text(content)
    with pytest.raises(benchmarks.BenchmarkError, match=r"benchmarks.json cannot be used .* Run `make bench`"):
        benchmarks.read(tmp_path / "benchmarks.json")


@pytest.mark.skipif(not (ROOT / benchmarks.RESULTS).exists(), reason="`make bench` has not run to its end yet")
def test_the_committed_findings_make_a_page_and_name_no_machine():
    found = benchmarks.read(ROOT / benchmarks.RESULTS)
    assert all(
        benchmarks.pieces(found, CATALOGUE)[name]
        for name in ("batches", "libraries", "plain", "loading", "site", "smoke")
    )
    assert os.uname().nodename not in json.dumps(found)
    assert "/" not in found["machine"]


# ------------------------------------------------------------------------------------------------------- stop-watch

PROGRAM = """
import time
from pathlib import Path
from labelbook import results
results.write_whole(Path("{folder}/some.json"), "x")
began = time.process_time()
while time.process_time() - began < 0.2:
    pass
"""


def timed(tmp_path: Path, **environment):
    clock = str(ROOT / "tests" / "benchmarks" / "clock")
    program = PROGRAM.replace("{folder}", str(tmp_path / "saved"))
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": clock, **environment}, check=True)
    return [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]


def test_the_stop_watch_counts_each_second_once(tmp_path):
    (facts,) = timed(tmp_path, LABELBOOK_CLOCK=str(tmp_path))
    assert facts["saved"] == "some"
    assert facts["last_cell"] is None
    assert set(facts["sums"]) == {"start", "imports", "saving"}
    assert facts["sums"]["start"][1] >= 0.2  # what is neither import nor saving
    assert facts["sums"]["imports"][1] > 0
    assert all(0 <= spent < 10 for pair in facts["sums"].values() for spent in pair)


def test_the_stop_watch_stands_still_unless_asked(tmp_path):
    assert timed(tmp_path) == []
