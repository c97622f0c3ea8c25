"""A book of a few cells in a temporary folder, with a copy of the library, so that real runs cannot touch the real one."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from labelbook import resources

SOURCE = resources._PACKAGE

# Leaves the record that `run.save()` would, without the two seconds that importing PyTorch takes.
SAVE = """
import json
from labelbook import chapters, resources, results
code = chapters.code_hash(chapters.read_notebook(chapters.catalogue()["SLUG"].notebook()))
record = dict(schema=1, slug="SLUG", profile=profile, source=source, code=code)
record |= {name: globals().get(name, []) for name in ('scores', 'claims')}
name = "SLUG.json" if source == "embedded" else f"SLUG.{source}.json"
results.write_whole(resources.results_folder(profile) / name, json.dumps(record))
"""
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


EATS = "hoard = []\nimport time\nwhile True:\n    hoard.append(b'x' * 2**25)\n    time.sleep(0.02)"

_ids = itertools.count()


def cell(source, *tags, kind="code"):
    made = {"cell_type": kind, "id": f"cell-{next(_ids)}", "metadata": {}, "source": source}
    if tags:
        made["metadata"]["tags"] = list(tags)
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def edit(path, change):
    """Apply `change` to the notebook in `path`."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def notebook(*sources):
    """A notebook with a title and parameters; each source is a code cell."""
    cells = [cell("# A title", kind="markdown"), cell('profile = "book"\nsource = "embedded"', "parameters")]
    cells += [cell(source) if isinstance(source, str) else source for source in sources]
    return {"cells": cells, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5}


class TinyBook:
    """A checkout with chapters of its own."""

    def __init__(self, root: Path):
        self.root, self.slugs = root, []
        ignore = shutil.ignore_patterns("__pycache__", "_shipped")
        shutil.copytree(SOURCE, root / "src" / "labelbook", ignore=ignore)
        (root / "book").mkdir()
        (root / "notebooks" / "only").mkdir(parents=True)

    def add(self, slug, *sources, save=True):
        """A chapter of these code cells; a last one leaves a record, unless `save` is false."""
        self.slugs.append(slug)
        names = ("title", "name", "venue", "claim", "use_when")
        entry = dict.fromkeys(names, "text") | {name: ["text"] for name in ("authors", "tags", "data")}
        entry |= dict.fromkeys(("arxiv", "doi", "code", "licence")) | {"year": 2024, "part": "only"}
        catalogue = {
            "parts": [{"slug": "only", "title": "Only", "about": "All there is."}],
            "chapters": [entry | {"slug": slug} for slug in self.slugs],
        }
        (self.root / "book" / "catalogue.yml").write_text(json.dumps(catalogue))  # JSON is YAML
        sources += (SAVE.replace("SLUG", slug),) * save
        self.notebook(slug).write_text(json.dumps(notebook(*sources), indent=1, sort_keys=True) + "\n")
        return self.notebook(slug)

    def notebook(self, slug) -> Path:
        return self.root / "notebooks" / "only" / f"{slug}.ipynb"

    def record(self, slug, profile="smoke") -> Path:
        return self.root / "data" / "results" / profile / f"{slug}.json"

    def executed(self, slug, profile="smoke") -> Path:
        return self.root / "build" / "executed" / profile / f"{slug}.ipynb"

    @property
    def environment(self):
        return {**os.environ, "PYTHONPATH": str(self.root / "src"), "TMPDIR": str(self.root), "LABELBOOK_DEVICE": "cpu"}

    def start(self, *arguments, **environment):
        """`labelbook <arguments>` as a process."""
        return subprocess.Popen(
            [sys.executable, "-m", "labelbook", *arguments],
            cwd=self.root,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def cli(self, *arguments, **environment):
        """Exit code and everything printed."""
        process = self.start(*arguments, **environment)
        printed, _ = process.communicate(timeout=120)
        return process.returncode, printed


def running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition, seconds=40):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
