"""The wheel: small, complete, and working without a checkout."""

import os
import subprocess
import sys
import zipfile

import pytest
from common import ROOT, SLUGS

CODE = """
import torch
from labelbook import chapters, data, resources, run, teaching
assert resources.checkout() is None
assert len(data.fashion_mnist("train")) == 20_000
assert len(chapters.catalogue().chapters) == 58
for slug in {slugs!r}:
    assert chapters.load(slug).__file__.endswith("(method cells)")
    assert teaching.grade(slug, vars(chapters.load(slug))).passed
started = run.start("{first}", "smoke")
started.scores.add(method="m", seed=0, metric="k", value=1.0)
print(started.save())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_it_is_small_and_carries_what_it_needs(wheel):
    assert wheel.stat().st_size < 25 * 2**20
    names = zipfile.ZipFile(wheel).namelist()
    for slug in SLUGS:
        assert any(name.endswith(f"/{slug}.ipynb") for name in names)
    assert "labelbook/_shipped/book/catalogue.yml" in names
    for line in (ROOT / "data" / "SHA256SUMS").read_text().splitlines():
        name = line.split()[1]
        assert f"labelbook/_shipped/data/{name}" in names
        assert f"labelbook/_shipped/data/{name.split('/')[0]}/README.md" in names
    assert not any("results" in name.split("/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_only_method_cells_travel(wheel):
    import json

    archive = zipfile.ZipFile(wheel)
    for name in archive.namelist():
        if name.endswith(".ipynb"):
            cells = json.loads(archive.read(name))["cells"]
            assert all("method" in c["metadata"]["tags"] and not c["outputs"] for c in cells)


def test_it_works_without_a_checkout(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    (tmp_path / "work").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    environment.pop("LABELBOOK_RESULTS", None)
    code = CODE.format(slugs=SLUGS, first=SLUGS[0])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "work", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "work" / "data" / "results" / "smoke" / f"{SLUGS[0]}.json").is_file()


def test_an_editable_install_reads_the_checkout():
    from labelbook import resources

    assert resources.checkout() == ROOT
    assert resources.find("book/catalogue.yml") == ROOT / "book" / "catalogue.yml"
    assert not (ROOT / "src" / "labelbook" / "_shipped").exists()


def test_a_missing_file_names_both_places():
    from labelbook import resources

    with pytest.raises(resources.DataError, match=r"nothing.txt is missing: looked in .*_shipped"):
        resources.find("nothing.txt")


def test_pins_are_exact_and_carry_no_nvidia_wheels():
    for name in ("requirements.txt", "constraints.txt"):
        for line in (ROOT / name).read_text().splitlines():
            line = line.split("#")[0].strip()
            if line and not line.startswith("-c"):
                assert "==" in line, line
                assert not any(word in line.lower() for word in ("nvidia", "triton", "cuda"))
