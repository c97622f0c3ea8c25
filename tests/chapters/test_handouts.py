"""The handout of each chapter: unsolved it fails its own checks, and with the chapter's functions it passes them.

And what slides and the index of exercises take from a chapter is there.
"""

import contextlib
import io

import pytest
from common import every_chapter

from labelbook import chapters, slides, teaching


@pytest.fixture
def notebook(slug):
    return teaching.written_notebook(slug)


@pytest.fixture
def handout(notebook, slug):
    return teaching.handout(notebook, slug)


def outcomes(methods, handout):
    """Run method cells, then the checks of a handout: (the report, the error of each worked example or None)."""
    names, errors = {"__name__": "__main__"}, []
    with contextlib.redirect_stdout(io.StringIO()):
        for source in methods:
            exec(source, names)
        for source in chapters.code_cells(handout, tag="nbval-check-output"):
            try:
                exec(source, names)
                errors.append(None)
            except Exception as error:
                errors.append(error)
        (check,) = chapters.code_cells(handout, tag="handout-check")
        *setup, last = check.splitlines()
        exec("\n".join(setup), names)
        return eval(last, names), errors


@every_chapter
def test_solved_it_passes(slug, notebook, handout):
    report, errors = outcomes(chapters.code_cells(notebook, tag="method"), handout)
    assert report.passed, report
    assert errors
    assert not any(errors), errors


@every_chapter
def test_unsolved_it_fails(slug, handout):
    methods = chapters.code_cells(handout, tag="method")
    assert any(teaching.YOUR_TURN in source for source in methods)
    report, errors = outcomes(methods, handout)
    assert not any(grade.passed for grade in report.grades), report
    assert {grade.remark for grade in report.grades} == {"your turn"}
    assert isinstance(errors[0], NotImplementedError)


@every_chapter
def test_it_holds_no_solution(slug, notebook, handout):
    prose = "\n".join(teaching.source(c) for c in handout["cells"] if c["cell_type"] == "markdown")
    assert "<details" not in prose.partition("## Exercises")[2]
    assert len(teaching.exercises(handout)) == len(teaching.exercises(notebook))
    assert all(not c["outputs"] for c in handout["cells"] if c["cell_type"] == "code")


@every_chapter
def test_its_exercises_are_numbered_and_solved(slug, notebook):
    found = teaching.exercises(notebook)
    assert 2 <= len(found) <= 5
    assert [e.number for e in found] == list(range(1, len(found) + 1))
    prose = "\n".join(s.prose for s in teaching.sections(notebook) if s.heading.startswith("Exercises"))
    assert prose.count("<details") == len(found), "a folded solution for each"


@every_chapter
def test_its_slides_have_a_formula_a_figure_and_a_claim(slug, notebook):
    shown = "\n".join(slide for stack in slides.slides(notebook) for slide in stack)
    for wanted in ("<h1>", r"\[", '<img class="figure"', '<div class="claim"', '<pre class="code"'):
        assert wanted in shown
