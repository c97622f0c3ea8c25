"""Sections, exercises, handouts and their grader, on notebooks of a few cells."""

import ast
import json

import nbformat
import pytest
from cells import code, markdown, notebook

from labelbook import chapters, resources, teaching, vectors

METHOD = '''import math
from dataclasses import dataclass

LIMIT = 3  # a constant stays


def half(x: dict[str, int] = {"a": (1, 2)}, *, key=lambda v: v[0:1]) -> dict[str, float]:  # noqa
    """Half of é.

    Raises:
        ValueError: never.
    """
    # the trick
    return {k: v / 2 for k, v in x.items()}


def bare(x): return x + 1


@dataclass
class Point:
    """A place."""

    x: int = 0

    @property
    def double(self):
        def inner():
            return 2

        return inner() * self.x

    async def wait(
        self,
        seconds=1,
    ):
        # no docstring, but a comment
        return seconds


shout = lambda word: word.upper()
'''

WITHOUT = '''import math
from dataclasses import dataclass

LIMIT = 3  # a constant stays


def half(x: dict[str, int] = {"a": (1, 2)}, *, key=lambda v: v[0:1]) -> dict[str, float]:  # noqa
    """Half of é.

    Raises:
        ValueError: never.
    """
    raise NotImplementedError("your turn")


def bare(x):
    raise NotImplementedError("your turn")


@dataclass
class Point:
    """A place."""

    x: int = 0

    @property
    def double(self):
        raise NotImplementedError("your turn")

    async def wait(
        self,
        seconds=1,
    ):
        raise NotImplementedError("your turn")


shout = lambda word: word.upper()'''

LAST = """Some words first.

## Exercises

1. Set $a = 2$. What happens? Look at `f(x)`.

<details><summary>Solution</summary>

1. Not an exercise: it is the **answer**.

</details>

2. **Think.** Why is that so, and when would it be otherwise?

<details>
<summary>Solution</summary>

Because of the secret.

</details>

3. Extend it.

## References

- One.
"""


def small():
    return notebook(
        markdown("# A title\n\n<details>kept</details>"),
        code('profile = "book"  # or "smoke"\nsource = "embedded"', "parameters"),
        markdown("## The problem: one\n\nWords.\n\n```python\n## not a heading\n```"),
        markdown("More.\n\n## The method: two\n\nAnd more."),
        code('def twice(x):\n    """Two x."""\n    return 2 * x', "method"),
        code("def read(path):\n    return path", "method", "given"),
        markdown("## By hand: three"),
        code('y = twice(2)\nprint("twice", y, """a\nb""", 0.5)', "nbval-check-output", printed="twice 4 a\nb 0.5\n"),
        markdown("## The experiment"),
        code("train()", printed="a long story\n"),
        markdown(LAST),
    )


# ------------------------------------------------------------------------------------------ sections and exercises


def test_sections_are_cut_at_headings_inside_cells_but_not_inside_code():
    found = teaching.sections(small())
    assert [s.heading for s in found] == [
        "", "The problem: one", "The method: two", "By hand: three", "The experiment", "Exercises", "References",
    ]  # fmt: skip
    assert found[1].prose == "Words.\n\n```python\n## not a heading\n```\n\nMore."
    assert found[4].prose == "Some words first."
    assert [c["cell_type"] for c in found[2].cells] == ["markdown", "code", "code"]


def test_exercises_have_numbers_texts_and_levels_but_no_solutions():
    found = teaching.exercises(small())
    assert [(e.number, e.level) for e in found] == [(1, "to warm up"), (2, "to work through"), (3, "to extend")]
    assert found[0].text == "Set $a = 2$. What happens? Look at `f(x)`."
    assert found[1].short == "**Think.** Why is that so, and when would it be otherwise?"
    assert not any("secret" in e.text or "answer" in e.text for e in found)


@pytest.mark.parametrize("mark", ["{}. ", "**{}.** ", "{}) ", "### Exercise {}: ", "**Exercise {}.** ", "### {}. "])
def test_exercises_may_be_numbered_in_several_ways(mark):
    text = "## Exercises\n\n" + "\n\n".join(mark.format(n) + "Do it." for n in (1, 2))
    assert [(e.number, e.text) for e in teaching.exercises(notebook(markdown(text)))] == [(1, "Do it."), (2, "Do it.")]


# -------------------------------------------------------------------------------------------------------- handouts


def test_functions_lose_their_bodies_and_keep_the_rest():
    assert teaching.without_bodies(METHOD) == WITHOUT
    ast.parse(WITHOUT)
    assert teaching.without_bodies(WITHOUT) == WITHOUT


def test_a_method_cell_that_is_not_python_is_named():
    with pytest.raises(chapters.NotebookError, match="not Python"):
        teaching.without_bodies("def f(:")


def test_a_handout_has_no_outputs_no_solutions_and_its_own_results_folder():
    made = teaching.handout(small(), "nacl")
    nbformat.validate(nbformat.from_dict(made))
    text = json.dumps(made)
    assert not any(word in text for word in ("secret", "answer", "return 2 * x", "a long story", 'labelbook": {'))
    assert all(not c["outputs"] and c["execution_count"] is None for c in made["cells"] if c["cell_type"] == "code")
    assert "3. Extend it." in text
    assert "<details>kept</details>" in text, "what is folded before the exercises is no solution"
    (parameters,) = chapters.code_cells(made, tag="parameters")
    assert parameters == 'profile = "smoke"  # or "smoke"\nsource = "embedded"'
    assert 'LABELBOOK_RESULTS"] = "my-results"' in chapters.code_cells(made, tag="handout-settings")[0]
    assert chapters.code_cells(made, tag="method") == [
        'def twice(x):\n    """Two x."""\n    raise NotImplementedError("your turn")',
        "def read(path):\n    return path",
    ]


def test_the_grader_stands_after_the_worked_examples():
    cells = teaching.handout(small(), "nacl")["cells"]
    places = [i for i, c in enumerate(cells) if {"handout-check", "nbval-check-output"} & set(teaching.tags(c))]
    assert places == [places[0], places[0] + 1]
    assert cells[places[1]]["source"].endswith('teaching.grade("nacl", globals())')


def test_a_handout_leaves_the_chapter_as_it_was():
    original = small()
    before = json.dumps(original)
    teaching.handout(original, "nacl")
    assert json.dumps(original) == before


def test_a_checked_example_runs_and_keeps_its_names(capsys):
    made = teaching.handout(small(), "nacl")
    (example,) = chapters.code_cells(made, tag="nbval-check-output")
    names = {"twice": lambda x: 2 * x}
    exec(example, names)
    assert names["y"] == 4
    assert capsys.readouterr().out == "twice 4 a\nb 0.5\nThis is what the book has.\n"
    with pytest.raises(AssertionError, match=r"line 1 should be\n    twice 4 a\nand is\n    twice 5 a"):
        exec(example, {"twice": lambda x: 2 * x + 1})


def test_expected_text_with_quotes_and_backslashes():
    text = 'print("\\\\", \'"""\')'
    made = notebook(code(text, "nbval-check-output", printed='\\ """\n'))
    exec(chapters.code_cells(teaching.handout(made, "nacl"), tag="nbval-check-output")[0], {})


# ---------------------------------------------------------------------------------------------------------- grader


@pytest.mark.parametrize(
    "printed", ["p0:  3.889", "p0: 3.8893", "p0: 3.888"], ids=["another space", "more digits", "rounded elsewhere"]
)
def test_decimals_may_differ_a_little(printed):
    with teaching.prints("p0: 3.889\n"):
        print(printed)


@pytest.mark.parametrize("printed", ["p0: 3.8", "p1: 3.889", "p0: 3.889\nmore", "", "p0: -3.889"])
def test_other_words_and_numbers_are_refused(printed):
    with pytest.raises(AssertionError), teaching.prints("p0: 3.889\n"):
        print(printed)


def test_whole_numbers_must_be_equal():
    with pytest.raises(AssertionError), teaching.prints("1000 labels"):
        print("1001 labels")


def test_what_was_printed_before_an_error_is_shown(capsys):
    def fails():
        with teaching.prints("one"):
            print("one")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert capsys.readouterr().out == "one\n"


def test_the_report_says_which_functions_pass(monkeypatch):
    cases = [
        {"function": "twice", "args": {"x": 1}, "expected": 2},
        {"function": "twice", "args": {"x": 2}, "expected": 4},
        {"function": "half", "args": {"x": 1}, "expected": 0.5},
        {"function": "turn", "args": {}, "expected": 0},
        {"function": "fails", "args": {}, "expected": 0},
        {"function": "absent", "args": {}, "expected": 0},
    ]
    monkeypatch.setattr(vectors, "cases", lambda slug: cases)

    def turn():
        raise NotImplementedError("your turn")

    names = {"twice": lambda x: 2 * x, "half": lambda x: x, "turn": turn, "fails": lambda: 1 / 0, "absent": 3}
    report = teaching.grade("any", names)
    assert [(g.function, g.passed, g.cases) for g in report.grades] == [
        ("twice", 2, 2), ("half", 0, 1), ("turn", 0, 1), ("fails", 0, 1), ("absent", 0, 1),
    ]  # fmt: skip
    remarks = [g.remark for g in report.grades]
    assert remarks[1] == "1 of 1 numbers differ; the first is 1 instead of 0.5"
    assert remarks[2:4] == ["your turn", "ZeroDivisionError: division by zero"]
    assert "no function of this name" in remarks[4]
    assert not report.passed
    assert "passes  twice: 2 of 2 cases" in repr(report)
    assert "| ✗ not yet | `turn` | 0 of 1 cases; your turn |" in report._repr_markdown_()
    assert repr(report).endswith("1 of 5 functions pass.")
    assert teaching.grade("any", {**names, "twice": None}).grades[0].passed == 0


def test_nothing_to_check_is_not_a_pass(monkeypatch):
    monkeypatch.setattr(vectors, "cases", lambda slug: [])
    assert not teaching.grade("any", {}).passed


# ------------------------------------------------------------------------------------------------------ the command


def test_an_installed_package_says_that_it_has_no_pages(monkeypatch):
    written = chapters.catalogue().written[0]
    monkeypatch.setattr(resources, "checkout", lambda: None)
    monkeypatch.setattr(resources, "find", lambda name: resources._PACKAGE)
    with pytest.raises(chapters.NotebookError, match="in a clone of the book"):
        teaching.written_notebook(written.slug)
