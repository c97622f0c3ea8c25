"""A chapter as Colab runs it: an empty folder, an environment with torch and pip only, the book from its repository."""

import importlib.metadata as installed
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from common import ROOT

from labelbook import chapters

SLUG = "forests-as-smoothers"
# What Colab has: its own module, and a kernel that runs the cells one after the other.
RUNNER = """
import json, sys, types
sys.modules["google"], sys.modules["google.colab"] = types.ModuleType("google"), types.ModuleType("google.colab")
namespace = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        source = "".join(cell["source"]).replace('profile = "book"', 'profile = "smoke"')
        exec(compile(source, cell["id"], "exec"), namespace)
import labelbook
print("labelbook came from", labelbook.__file__)
"""


def needs(name, found):
    """`name` and all distributions that it needs here, as a set of names."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found:
        return found
    try:
        requirements = installed.requires(name) or []
    except installed.PackageNotFoundError:
        return found
    found.add(key)
    for requirement in requirements:
        if "extra ==" not in requirement:
            needs(re.match(r"[\w.-]+", requirement)[0], found)
    return found


def bare_environment(folder):
    """An environment with torch, torchvision, what these need, and pip: linked, not downloaded again."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    for name in needs("torchvision", needs("torch", set())):
        for file in installed.distribution(name).files or []:
            top = Path(str(file)).parts[0]
            if top not in ("..", "__pycache__") and not (site / top).exists():
                (site / top).symlink_to(installed.distribution(name).locate_file(top))
    finder = [
        shutil.which("python3", path=os.defpath + ":/usr/local/bin") or "python3",
        "-c",
        "import pip; print(pip.__path__[0])",
    ]
    for command in ([sys.executable, *finder[1:]], finder):
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
        if done.returncode == 0:
            (site / "pip").symlink_to(done.stdout.strip())
            return folder / "bin" / "python"
    pytest.fail("no pip on this machine")


def test_a_chapter_runs_as_on_colab(tmp_path):
    clone, empty = tmp_path / "clone", tmp_path / "content"
    empty.mkdir()
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", clone], check=True)
    moved = subprocess.run(
        [sys.executable, "book/repository.py", f"file://{clone}"], cwd=clone, capture_output=True, text=True
    )
    assert moved.returncode == 0, moved.stderr
    notebook = clone / chapters.catalogue()[SLUG].path
    assert f"git+file://{clone}" in "".join(json.loads(notebook.read_text())["cells"][1]["source"])
    python = bare_environment(tmp_path / "environment")
    bare = subprocess.run([python, "-c", "import pandas"], capture_output=True, text=True)
    assert "No module named 'pandas'" in bare.stderr
    (tmp_path / "colab.py").write_text(RUNNER)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LABELBOOK", "PYTHON"))}
    done = subprocess.run(
        [python, tmp_path / "colab.py", notebook],
        cwd=empty,
        env={**environment, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Record saved" in done.stdout
    assert f"labelbook came from {tmp_path / 'environment'}" in done.stdout
