"""What every committed notebook must be: fresh, whole, and readable in three places."""

import json
import re
import subprocess
import sys

import pytest
from common import ROOT, every_chapter, every_notebook

from labelbook import chapters

SECTIONS = (
    "The problem", "The idea", "The method", "By hand", "The experiment", "What we measured", "Where it breaks",
    "Exercises", "References",
)  # fmt: skip
COMPARED = (
    "The question", "The setting", "The methods", "The comparison", "What it costs", "What we measured",
    "Which would I try first", "Where this comparison misleads", "References",
)  # fmt: skip


@pytest.fixture
def notebook(slug):
    return chapters.read_notebook(chapters.catalogue()[slug].notebook())


@every_notebook
@pytest.mark.parametrize("profile", ["book", "smoke"])
def test_nothing_is_stale(slug, profile):
    state = chapters.state(chapters.catalogue()[slug], profile)
    assert state == "current", f"{slug} is {state} in {profile}: run `labelbook run {slug} --profile {profile}`"


@every_notebook
def test_sections_in_order(slug, notebook):
    wanted = COMPARED if isinstance(chapters.catalogue()[slug], chapters.Comparison) else SECTIONS
    prose = "\n".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown")
    headings = re.findall(r"^## (.+)$", prose, re.M)
    places = [next((i for i, h in enumerate(headings) if h.startswith(s)), None) for s in wanted]
    assert None not in places, [s for s, p in zip(wanted, places, strict=True) if p is None]
    assert places == sorted(places)


@every_notebook
def test_parameters(slug, notebook):
    (parameters,) = chapters.code_cells(notebook, tag="parameters")
    values = {}
    exec(parameters, values)
    assert (values["profile"], values["source"]) == ("book", "embedded")


@every_chapter
def test_method_cells_and_a_worked_example(slug, notebook):
    assert chapters.code_cells(notebook, tag="method")
    assert chapters.code_cells(notebook, tag="nbval-check-output")


@pytest.mark.parametrize("comparison", [c for c in chapters.catalogue().comparisons if c.written], ids=lambda c: c.slug)
def test_a_comparison_loads_the_methods_that_it_compares(comparison):
    notebook = chapters.read_notebook(comparison.notebook())
    code = "\n".join(chapters.code_cells(notebook))
    assert set(re.findall(r'chapters\.load\("([\w-]+)"\)', code)) == set(comparison.compares)
    assert not chapters.code_cells(notebook, tag="method"), "methods stand in chapters"


@every_notebook
def test_plain_markdown_only(slug, notebook):
    prose = "\n".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown")
    assert not re.search(r"\{[a-z-]+\}`|^:::|^```\{", prose, re.M), "MyST stands raw in Colab"


@every_notebook
def test_every_cell_ran_without_error_or_warning(slug, notebook):
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code" and chapters.COLAB not in cell["metadata"].get("tags", []):
            assert cell["execution_count"] is not None, f"cell {number} never ran"
            for output in cell["outputs"]:
                assert output["output_type"] != "error", f"cell {number}"
                assert output.get("name") != "stderr", f"cell {number}: {output.get('text')}"


@every_notebook
def test_every_figure_has_a_real_alt_text(slug, notebook):
    for number, cell in enumerate(notebook["cells"]):
        pictures = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        if pictures:
            alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt.split()) >= 5, f"cell {number}: say in the alt text what is seen"
            assert not re.search(r"\.(png|svg|jpe?g)\b", alt), f"cell {number}"


@every_notebook
def test_no_machine_shows_through(slug, notebook):
    text = json.dumps(notebook)
    assert not re.search(r"/(home|root|tmp|Users|work)/|site-packages", text)
    assert not re.search(r"\bcuda\b", "".join(chapters.code_cells(notebook))), "only `run.device` names devices"


@every_notebook
def test_no_result_is_typed_into_prose(slug, notebook):
    """Decimal percentages in Markdown are the paper's, and say so; ours are rendered from variables."""
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "markdown":
            for paragraph in "".join(cell["source"]).split("\n\n"):
                if re.search(r"\d\.\d+\s?(%|points)", paragraph):
                    assert re.search(r"paper|authors|official", paragraph), f"cell {number}: {paragraph!r}"


def test_the_table_of_contents_follows_the_catalogue():
    done = subprocess.run([sys.executable, "book/make_pages.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
