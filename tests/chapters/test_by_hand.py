"""nbval compares the worked examples with their stored outputs, on a slice of each notebook that runs in seconds."""

import copy
import json
import re
import subprocess
import sys

import pytest
from common import SLUGS

from labelbook import chapters


def slice_of(notebook):
    """Parameters set to `smoke`, the method cells, and the code under "By hand": what the worked example needs."""
    kept, section = [], ""
    for cell in copy.deepcopy(notebook["cells"]):
        if cell["cell_type"] == "markdown":
            headings = re.findall(r"^## (.+)$", "".join(cell["source"]), re.M)
            section = headings[-1] if headings else section
            continue
        tags = cell["metadata"].get("tags", [])
        if "parameters" in tags:
            cell["source"] = "".join(cell["source"]).replace('"book"', '"smoke"')
            kept.append(cell)
        elif "method" in tags or section.startswith("By hand"):
            kept.append(cell)
    return {**notebook, "cells": kept}


def nbval(folder):
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", "-c", "/dev/null", str(folder)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def slices():
    return {slug: slice_of(chapters.read_notebook(chapters.catalogue()[slug].notebook())) for slug in SLUGS}


def test_worked_examples_give_their_stored_numbers(slices, tmp_path):
    for slug, notebook in slices.items():
        (tmp_path / f"{slug}.ipynb").write_text(json.dumps(notebook))
    done = nbval(tmp_path)
    assert done.returncode == 0, done.stdout[-6000:]


def test_a_changed_number_is_noticed(slices, tmp_path):
    """The comparison itself is tested: alter one stored output, and nbval must fail."""
    notebook = copy.deepcopy(next(iter(slices.values())))
    checked = [c for c in notebook["cells"] if "nbval-check-output" in c["metadata"].get("tags", [])]
    text = "".join(checked[0]["outputs"][0]["text"])
    checked[0]["outputs"][0]["text"] = re.sub(r"\d", lambda m: str((int(m[0]) + 1) % 10), text)
    (tmp_path / "altered.ipynb").write_text(json.dumps(notebook))
    assert nbval(tmp_path).returncode == 1
