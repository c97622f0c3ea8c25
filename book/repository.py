"""The repository's address: `_config.yml` holds it, and this script carries it to where it must stand in full.

`python book/repository.py` puts the cell that installs the book on Colab into every notebook; with an address it changes
the address first, in `_config.yml` and in the README (`make repository URL=https://github.com/you/your-fork`).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import yaml

from labelbook import results
from labelbook.chapters import COLAB

ROOT = Path(__file__).resolve().parents[1]
CELL = """\
# On Colab this installs the book's package; everywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    import subprocess

    book = "git+{url}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", book], check=True)
"""


def address(root: Path = ROOT) -> str:
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]


def colab_cell(url: str) -> dict:
    """The cell, tagged so that the site hides it and the code's hash leaves it out: it computes nothing."""
    source = CELL.format(url=url).rstrip("\n").splitlines(keepends=True)
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "colab",
        "metadata": {"tags": [COLAB, "remove-cell"]},
        "outputs": [],
        "source": source,
    }


def with_colab_cell(notebook: dict, url: str) -> dict:
    """The notebook with exactly one such cell, before its first code cell."""
    cells = [c for c in notebook["cells"] if COLAB not in c["metadata"].get("tags", [])]
    first = next((i for i, c in enumerate(cells) if c["cell_type"] == "code"), len(cells))
    return {**notebook, "cells": [*cells[:first], colab_cell(url), *cells[first:]]}


def carry(root: Path = ROOT) -> list[Path]:
    """Put the cell into every notebook; returns those that changed."""
    url, changed = address(root), []
    for path in sorted((root / "notebooks").glob("*/*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        new = with_colab_cell(notebook, url)
        if new != notebook:
            results.write_whole(path, json.dumps(new, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
            changed.append(path)
    return changed


def move(url: str, root: Path = ROOT) -> None:
    """Change the address.

    Raises:
        ValueError: not an address that pip and git can fetch from.
    """
    url = url.rstrip("/").removesuffix(".git")
    if not re.fullmatch(r"(https|file)://[^\s\"'<>\\]+", url):
        raise ValueError(f"{url!r} is not an address such as https://github.com/you/your-fork")
    old = address(root)
    for name in ("_config.yml", "README.md"):
        text = (root / name).read_text(encoding="utf-8")
        results.write_whole(root / name, text.replace(old, url))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url", nargs="?", help="the new address; without one, only the notebooks are brought in line")
    wanted = parser.parse_args()
    try:
        if wanted.url:
            move(wanted.url)
    except ValueError as error:
        print(f"repository: {error}", file=sys.stderr)
        return 1
    print(f"{len(carry())} notebooks changed; the book lives at {address()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
