"""Puts into the wheel what the package needs from outside of `src`: catalogue, embedded data, known results, method cells."""

import json
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = ("book/catalogue.yml", "data/SHA256SUMS", "tests/vectors")


class ShippedFiles(BuildHookInterface):
    """Adds `labelbook/_shipped/...` to a wheel. An editable install gets nothing: there the checkout itself is read."""

    def initialize(self, version, build_data):
        if version == "editable":
            return
        root = Path(self.root)
        include = build_data["force_include"]
        listed = (root / "data/SHA256SUMS").read_text().splitlines()
        embedded = sorted({f"data/{line.split()[1].split('/')[0]}" for line in listed if line.strip()})
        for name in (*SHIPPED, *embedded):
            include[str(root / name)] = f"labelbook/_shipped/{name}"
        self._folder = tempfile.TemporaryDirectory()
        for path in sorted((root / "notebooks").glob("*/*.ipynb")):
            if path.parent.name == "comparisons":  # they have no method cells of their own
                continue
            name = path.relative_to(root)
            stripped = Path(self._folder.name) / name
            stripped.parent.mkdir(parents=True, exist_ok=True)
            stripped.write_text(json.dumps(_method_cells(json.loads(path.read_text()))))
            include[str(stripped)] = f"labelbook/_shipped/{name}"


def _method_cells(notebook):
    """The notebook with nothing but its `method` cells, without outputs."""
    cells = [c for c in notebook["cells"] if "method" in c.get("metadata", {}).get("tags", [])]
    kept = [{**c, "outputs": [], "execution_count": None} for c in cells if c["cell_type"] == "code"]
    return {**notebook, "cells": kept}
