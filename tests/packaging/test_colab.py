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

SLUG = "histn"  # its data, recordings, travels in the package
# What Colab has: a module of its own, and a kernel that runs the cells one after the other.
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


def needed(name, found):
    """`name` and all distributions that it needs here, added to the set of names `found`."""
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
            needed(re.match(r"[\w.-]+", requirement)[0], found)
    return found


def pip_of_this_machine():
    """The folder of the pip that filled our own environment: `make` takes it from the system's Python."""
    show = ["-c", "import pip; print(pip.__path__[0])"]
    for python in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin:" + os.environ["PATH"])):
        done = subprocess.run([python, *show], capture_output=True, text=True)
        if done.returncode == 0:
            return Path(done.stdout.strip())
    pytest.fail("no pip on this machine")


def bare_environment(folder):
    """An environment with torch, torchvision, what these need, and pip: linked, not downloaded again."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    for name in needed("torchvision", needed("torch", set())):
        for file in installed.distribution(name).files or []:
            top = Path(str(file)).parts[0]
            if top not in ("..", "__pycache__") and not (site / top).exists():
                (site / top).symlink_to(installed.distribution(name).locate_file(top))
    (site / "pip").symlink_to(pip_of_this_machine())
    return folder / "bin" / "python"


def repository(folder):
    """A repository of the tree as it is now, with one commit; pip clones this one, not the one we work in."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in (n.decode() for n in names if n):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    move = [sys.executable, "book/repository.py", f"file://{folder}"]
    subprocess.run(move, cwd=folder, check=True, capture_output=True)
    author = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "--quiet"], ["add", "--all"], [*author, "commit", "--quiet", "--message", "The book"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def test_a_chapter_runs_as_on_colab(tmp_path):
    clone, empty = tmp_path / "clone", tmp_path / "content"
    clone.mkdir()
    empty.mkdir()
    repository(clone)
    notebook = clone / chapters.catalogue()[SLUG].path
    assert f"git+file://{clone}" in "".join(json.loads(notebook.read_text())["cells"][1]["source"])
    python = bare_environment(tmp_path / "environment")
    bare = subprocess.run([python, "-c", "import torch, pandas"], capture_output=True, text=True)
    assert "No module named 'pandas'" in bare.stderr
    (tmp_path / "colab.py").write_text(RUNNER)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LABELBOOK", "PYTHON"))}
    done = subprocess.run(
        [python, tmp_path / "colab.py", notebook],
        cwd=empty,
        env={**environment, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Record saved" in done.stdout
    assert f"labelbook came from {tmp_path / 'environment'}" in done.stdout
    assert [path.name for path in empty.rglob("*.json")] == [f"{SLUG}.json"]
