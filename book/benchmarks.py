"""The page of benchmarks: what `make bench` found, as tables and sentences.

`python book/benchmarks.py` makes `book/generated/benchmarks-*.md` from `data/results/benchmarks.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import make_pages
from make_pages import text

from labelbook import chapters
from labelbook.chapters import Catalogue

ROOT = Path(__file__).resolve().parents[1]
RESULTS = "data/results/benchmarks.json"
SECTIONS = ("batches", "methods", "loading", "site", "smoke")
PLAIN = "NumPy"
# What a smoke run spends its time on: the column, and the clock's names for it.
PHASES = {
    "runner": ("runner",),
    "imports": ("imports",),
    "data": ("data",),
    "figures": ("figures",),
    "other cells": ("cells",),
    "rest of the kernel": ("start", "between", "saving"),
}


class BenchmarkError(ValueError):
    """The stored benchmarks cannot be used; the message says what is wrong."""


def read(path: Path) -> dict | None:
    """What `make bench` wrote; None where it has not run.

    Raises:
        BenchmarkError: the file is damaged.
    """
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != 1:
            raise ValueError(f"schema {found['schema']}")
        _ = [found[section] for section in SECTIONS]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(f"{path} cannot be used ({error!r}). Run `make bench`.") from error
    return found


def table(headings: list[str], rows: list[list[str]], *, numbers: int) -> str:
    """A Markdown table whose last `numbers` columns are aligned to the right."""
    rule = ["---"] * (len(headings) - numbers) + ["---:"] * numbers
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (headings, rule, *rows)) + "\n"


def times(row: dict) -> str:
    """A ratio with the middle half of its rounds, to two digits."""

    def short(value: float) -> str:
        return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"

    low, high = map(short, row["middle_half"])
    return f"{short(row['ratio'])} ({low} to {high})"


# ---------------------------------------------------------------------------------------------------------- sections


def run_sentence(found: dict) -> str:
    versions = found["versions"]
    return (
        f"Measured on {found['date']} on a {text(found['machine'])}, with Python {text(versions['python'])}, "
        f"PyTorch {text(versions['torch'])} and NumPy {text(versions['numpy'])}.\n"
    )


def batches_sentence(found: dict) -> str:
    row = found["batches"]
    workers = {0: "no workers", 1: "one worker"}.get(row["workers"], f"{row['workers']} workers")
    return (
        f"Ours are **{times(row)} times** as fast, on one thread, in batches of 128 out of {row['images']:,} pictures. "
        f"The `DataLoader` has {workers} here, which is its best on this machine. Asked: 10 times.\n"
    )


def methods(found: dict, catalogue: Catalogue, *, plain: bool) -> str:
    """The computations beside libraries, or those beside plain NumPy; then why some are slower."""
    rows = [row for row in found["methods"] if (row["beside"] == PLAIN) == plain]
    cells = [
        [
            make_pages.named(catalogue[row["slug"]]),
            text(row["what"]),
            *([] if plain else [text(row["beside"])]),
            times(row),
        ]
        for row in rows
    ]
    reasons = [f"{text(catalogue[row['slug']].name)}: {text(row['slower'])}." for row in rows if row["slower"]]
    slower = f"\nSlower than the library, and why. {' '.join(reasons)}\n" if reasons else ""
    headings = ["chapter", "computation", *([] if plain else ["beside"]), "times as fast"]
    return table(headings, cells, numbers=1) + slower


def without_entry(found: dict, catalogue: Catalogue) -> str:
    measured = {row["slug"] for row in found["methods"]}
    missing = [text(c.name) for c in catalogue.written if c.slug not in measured]
    return f"Written since, and not measured yet: {', '.join(missing)}.\n" if missing else ""


def loading_sentence(found: dict, catalogue: Catalogue) -> str:
    rows = sorted(found["loading"], key=lambda row: row["seconds"])
    first, last = (
        f"{1000 * row['seconds']:.0f} ms for {text(catalogue[row['slug']].name)}" for row in (rows[0], rows[-1])
    )
    return f"Of {len(rows)} chapters, the quickest takes {first} and the slowest {last}. Asked: at most 100 ms.\n"


def site_sentence(found: dict) -> str:
    site = found["site"]
    rate = site["pages"] / site["seconds"]
    return f"{site['pages']} pages took {site['seconds']:.0f} s from nothing: {rate:.1f} pages a second.\n"


def spent(row: dict) -> list[float]:
    """CPU-seconds of a chapter for each of PHASES."""
    return [sum(row["cpu"].get(name, 0.0) for name in names) for names in PHASES.values()]


def smoke_table(found: dict, catalogue: Catalogue) -> str:
    """Where the time of each chapter's smoke run goes, and what that means for the suite."""
    smoke, number = found["smoke"], len(found["smoke"]["chapters"])
    each = [spent(row) for row in smoke["chapters"]]
    sums = [sum(column) for column in zip(*each, strict=True)]
    total, waited = sum(sums), sum(row["exit"] for row in smoke["chapters"])
    shares = ", ".join(f"{name} {part / total:.0%}" for name, part in zip(PHASES, sums, strict=True))
    all_of_them = len(catalogue.chapters)
    sentence = (
        f"{number} chapters with {smoke['jobs']} jobs took {smoke['seconds']:.0f} s and {total:.0f} CPU-seconds: {shares}. "
        f"From a chapter's last cell until its kernel and its runner were gone, {waited / number:.1f} s passed on average. "
        f"At this rate all {all_of_them} chapters take {smoke['seconds'] * all_of_them / number / 60:.1f} minutes.\n\n"
    )
    rows = [
        [
            make_pages.named(catalogue[row["slug"]]),
            *(f"{value:.1f}" for value in values),
            f"{sum(values):.1f}",
            f"{row['seconds']:.0f}",
            f"{row['exit']:.1f}",
        ]
        for row, values in zip(smoke["chapters"], each, strict=True)
    ]
    headings = ["chapter", *PHASES, "CPU-seconds", "seconds", "of these at the end"]
    return sentence + table(headings, rows, numbers=len(headings) - 1)


# --------------------------------------------------------------------------------------------------------------- main


def pieces(found: dict | None, catalogue: Catalogue) -> dict[str, str]:
    """The parts that the page includes: name -> Markdown."""
    if found is None:
        names = ("run", "batches", "libraries", "plain", "missing", "loading", "site", "smoke")
        return {name: "Not measured yet.\n" if name == "run" else "" for name in names}
    return {
        "run": run_sentence(found),
        "batches": batches_sentence(found),
        "libraries": methods(found, catalogue, plain=False),
        "plain": methods(found, catalogue, plain=True),
        "missing": without_entry(found, catalogue),
        "loading": loading_sentence(found, catalogue),
        "site": site_sentence(found),
        "smoke": smoke_table(found, catalogue),
    }


def make(root: Path = ROOT) -> None:
    generated = root / "book" / "generated"
    generated.mkdir(parents=True, exist_ok=True)
    for name, content in pieces(read(root / RESULTS), chapters.catalogue()).items():
        make_pages.write_if_changed(generated / f"benchmarks-{name}.md", content)


if __name__ == "__main__":
    try:
        make()
    except (BenchmarkError, chapters.CatalogueError) as error:
        sys.exit(f"benchmarks: {error}")
