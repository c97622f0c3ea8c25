"""The repository's address stands in one place, and every notebook can install the book from it."""

import json
import subprocess
import sys

import pytest
from common import ROOT

from labelbook import chapters

sys.path.insert(0, str(ROOT / "book"))
import repository


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*/*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_first_installs_the_book_on_colab(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    first = next(c for c in notebook["cells"] if c["cell_type"] == "code")
    assert first == repository.colab_cell(repository.address()), "run `make repository`"
    assert repository.with_colab_cell(notebook, repository.address()) == notebook


def test_the_cell_changes_no_hash_and_does_nothing_elsewhere(tmp_path):
    cell = {"cell_type": "code", "metadata": {"tags": []}, "source": ["x = 1"]}
    notebook = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# A"]}, cell]}
    with_cell = repository.with_colab_cell(notebook, "https://example.org/book")
    assert len(with_cell["cells"]) == 3
    assert chapters.code_hash(with_cell) == chapters.code_hash(notebook)
    script = tmp_path / "cell.py"
    script.write_text("".join(with_cell["cells"][1]["source"]))
    subprocess.run([sys.executable, script], check=True, timeout=60)


def test_the_address_moves_everywhere(tmp_path):
    (tmp_path / "notebooks" / "a").mkdir(parents=True)
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://old.org/book\n")
    (tmp_path / "README.md").write_text("pip install git+https://old.org/book\n")
    path = tmp_path / "notebooks" / "a" / "b.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "metadata": {}, "source": ["1"]}]}))
    repository.move("https://new.org/fork.git", tmp_path)
    assert repository.carry(tmp_path) == [path]
    assert repository.carry(tmp_path) == []
    assert repository.address(tmp_path) == "https://new.org/fork"
    assert "git+https://new.org/fork" in (tmp_path / "README.md").read_text()
    assert "git+https://new.org/fork" in path.read_text()
    with pytest.raises(ValueError, match="not an address"):
        repository.move("new.org", tmp_path)
