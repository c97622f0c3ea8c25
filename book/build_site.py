"""Build the site, strictly: `python book/build_site.py` makes the generated pages and then the HTML in `_build/html`.

Every warning is an error. A site that is newer than all it is made from is left alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    "_config.yml",
    "_toc.yml",
    "book/**/*",
    "notebooks/**/*.ipynb",
    "data/results/**/*.json",
    "src/labelbook/*.py",
)


class BuildError(RuntimeError):
    """The site could not be built; the message ends with what Jupyter Book said."""


def sources_hash(root: Path) -> str:
    """One hash over everything that the site is made from."""
    digest = hashlib.sha256()
    for path in sorted({p for pattern in SOURCES for p in root.glob(pattern)}):
        derived = "generated" in path.parts or "__pycache__" in path.parts
        if path.is_file() and not derived:
            digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def call(command: list, root: Path) -> None:
    done = subprocess.run(
        [str(c) for c in command], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        said = done.stdout.replace("\r", "\n").splitlines()
        causes = [line for line in said if re.search(r"WARNING|ERROR|Error:", line)]  # far above the end
        told = "\n".join([*causes, "", *said[-15:]])
        raise BuildError(f"{' '.join(str(c) for c in command[1:])} failed:\n{told[-6000:]}")


def simulation_is_current(root: Path) -> bool:
    """Whether the numbers of the page about verdicts are newer than the code that makes them (they take seconds)."""
    made = [root / "book" / "generated" / f"verdict-simulation.{kind}" for kind in ("md", "png")]
    code = [root / "book/verdict_simulation.py", root / "src/labelbook/results.py", root / "src/labelbook/plots.py"]
    return all(m.exists() and m.stat().st_mtime > max(c.stat().st_mtime for c in code) for m in made)


def build(root: Path = ROOT, *, toc: bool = True) -> Path:
    """Build where something changed, from nothing, and return the folder of the HTML pages.

    Args:
        toc: write `_toc.yml` anew as well; a test of the committed one says no.

    Raises:
        BuildError: a page could not be made, or there was a warning.
    """
    out = root / "_build"
    out.mkdir(exist_ok=True)
    stamp = out / "built-from"
    with open(out / "lock", "w") as lock:  # two test processes want one site
        fcntl.flock(lock, fcntl.LOCK_EX)
        call([sys.executable, "book/make_pages.py", *([] if toc else ["--keep-toc"])], root)
        call([sys.executable, "book/scoreboard.py"], root)
        call([sys.executable, "book/benchmarks.py"], root)
        made_from = sources_hash(root)
        if stamp.exists() and stamp.read_text() == made_from:
            return out / "html"
        stamp.unlink(missing_ok=True)
        # An environment that is kept would hide the warnings of pages that it does not read again.
        for folder in ("html", ".doctrees"):
            shutil.rmtree(out / folder, ignore_errors=True)
        if not simulation_is_current(root):
            call([sys.executable, "book/verdict_simulation.py"], root)
        call([Path(sys.executable).with_name("jupyter-book"), "build", ".", "-W", "--keep-going"], root)
        stamp.write_text(made_from)
    return out / "html"


if __name__ == "__main__":
    try:
        print(f"The site is in {os.path.relpath(build(toc='--keep-toc' not in sys.argv))}; open index.html.")
    except BuildError as error:
        sys.exit(f"build_site: {error}")
