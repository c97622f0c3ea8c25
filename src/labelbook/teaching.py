"""A chapter taken apart for a course: its sections and exercises, handouts without solutions, and their grader.

A handout is the chapter with empty functions. Two things tell a student how far he is. Each worked example under *By hand*
checks what it prints (`prints`), and one cell calls each function on small inputs whose results are known (`grade`).
"""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import json
import math
import re
import textwrap
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import chapters, resources, vectors

YOUR_TURN = 'raise NotImplementedError("your turn")'
LEVELS = ("to warm up", "to work through", "to extend")
GIVEN = "given"  # the tag of a `method` cell that stays whole in a handout

_FOLDED = re.compile(r"<details\b.*?</details>\s*", re.DOTALL)
_NUMBERED = re.compile(r"^(?:#{3,4} )?\**(?:Exercise )?(\d+)[.:)]\**[ \n]", re.MULTILINE)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


# ------------------------------------------------------------------------------------------ sections and exercises


@dataclass(frozen=True)
class Section:
    """A part of a notebook that begins with a level-2 heading: its heading ("" before the first) and its cells.

    A Markdown cell with a heading in its middle is cut there; the pieces keep its metadata.
    """

    heading: str
    cells: tuple[dict, ...]

    @property
    def prose(self) -> str:
        """The Markdown of the section, without its heading."""
        return "\n\n".join(source(cell) for cell in self.cells if cell["cell_type"] == "markdown").strip()


def source(cell: dict) -> str:
    return "".join(cell["source"])


def tags(cell: dict) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])


def written_notebook(slug: str) -> dict:
    """The whole notebook of a chapter.

    Raises:
        UnknownChapter: not in the catalogue; suggests the nearest names.
        NotebookError: planned and not written yet, or this is an installed package, which has method cells only.
    """
    path = chapters.catalogue()[slug].notebook()
    if resources.checkout() is None:
        raise chapters.NotebookError(
            "an installed labelbook holds the methods of the chapters, not their pages; do this in a clone of the book"
        )
    return chapters.read_notebook(path)


def sections(notebook: dict) -> list[Section]:
    """The notebook cut at its level-2 headings; the first section, without a heading, has the title."""
    found: list[tuple[str, list[dict]]] = [("", [])]
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            found[-1][1].append(cell)
            continue
        before, *rest = _split_at_headings(source(cell))
        if before.strip():
            found[-1][1].append({**cell, "source": before})
        for heading, text in rest:
            found.append((heading, [{**cell, "source": text}] if text.strip() else []))
    return [Section(heading, tuple(cells)) for heading, cells in found]


def _split_at_headings(text: str) -> list:
    """What stands before the first level-2 heading, then (heading, what follows) for each. Fenced code has no headings."""
    before, rest, fenced = [], [], False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if line.startswith("## ") and not fenced:
            rest.append((line.removeprefix("## ").strip(), []))
        else:
            (rest[-1][1] if rest else before).append(line)
    return ["\n".join(before).strip("\n"), *((heading, "\n".join(lines).strip("\n")) for heading, lines in rest)]


@dataclass(frozen=True)
class Exercise:
    """An exercise of a chapter: its number, its text without the solution, and how hard it is (one of `LEVELS`)."""

    number: int
    text: str
    level: str

    @property
    def short(self) -> str:
        """The first sentences, enough of them to know what it is about."""
        first = ""
        for sentence in re.split(r"(?<=[.?!])\s+|(?<=[.?!]\*\*)\s+", " ".join(self.text.split("\n\n")[0].split())):
            first = f"{first} {sentence}".strip()
            if len(first) >= 60:
                break
        return first


def exercises(notebook: dict) -> list[Exercise]:
    """The exercises under *Exercises*, which are numbered and go from "change a number" to "extend the method".

    Their place says how hard they are: the first is to warm up, the last is to extend, the others are to work through.
    """
    text = "\n\n".join(s.prose for s in sections(notebook) if s.heading.startswith("Exercises"))
    pieces = _NUMBERED.split(_FOLDED.sub("", text))[1:]
    found = [(int(number), body.strip()) for number, body in zip(pieces[::2], pieces[1::2], strict=True)]
    last = len(found) - 1
    return [
        Exercise(number, body, LEVELS[0 if place == 0 else 2 if place == last else 1])
        for place, (number, body) in enumerate(found)
    ]


# -------------------------------------------------------------------------------------------------------- handouts

_INTRODUCTION = """**This is a handout.** The functions of the method are empty. Each one keeps its name, its arguments and its
description, and says `your turn`. Fill them in, from top to bottom. The examples *by hand* then check what they print, and
the cell after them lists which of your functions give the numbers that they should. The solutions of the exercises are left
out too. Your results go to the folder `my-results`, away from the book's own."""

_SETTINGS = """import os

os.environ["LABELBOOK_RESULTS"] = "my-results\""""

_GRADER = """from labelbook import teaching

teaching.grade("{slug}", globals())"""


def handout(notebook: dict, slug: str) -> dict:
    """The chapter for a student: no outputs, no solutions, functions of `method` cells without bodies, and checks.

    Cells tagged `method` and `given` stay whole, for what a student is not meant to write. The profile is `smoke`.

    Raises:
        NotebookError: a `method` cell is not Python.
    """
    made, last_check, section = [], 0, ""
    for cell in copy.deepcopy(notebook["cells"]):
        if cell["cell_type"] == "markdown":
            cell["source"] = _without_solutions(source(cell), section)
            _, *headed = _split_at_headings(source(cell))
            section = headed[-1][0] if headed else section
            made.append(cell)
            continue
        if section.startswith("Exercises"):
            continue  # code there is a solution
        cell["source"] = _handed_out(cell)
        made.append({**cell, "outputs": [], "execution_count": None})
        if "parameters" in tags(cell):
            made += [_markdown("handout-about", _INTRODUCTION), _code("handout-settings", _SETTINGS)]
        if {"method", "nbval-check-output"} & set(tags(cell)):
            last_check = len(made)
    made.insert(last_check, _code("handout-check", _GRADER.format(slug=slug)))
    kept = {name: value for name, value in notebook["metadata"].items() if name in ("kernelspec", "language_info")}
    return {"cells": made, "metadata": kept, "nbformat": notebook["nbformat"], "nbformat_minor": 5}


def _without_solutions(text: str, section: str) -> str:
    """Markdown without the folded solutions under *Exercises*; `section` is where the text begins."""
    begin = 0 if section.startswith("Exercises") else text.find("## Exercises")
    return text if begin < 0 else text[:begin] + _FOLDED.sub("", text[begin:])


def _handed_out(cell: dict) -> str:
    """The source of a code cell as a student gets it."""
    text = source(cell)
    if "parameters" in tags(cell):
        return re.sub(r'^profile = "book"', 'profile = "smoke"', text, flags=re.MULTILINE)
    if "method" in tags(cell) and GIVEN not in tags(cell):
        return without_bodies(text)
    printed = "".join("".join(o["text"]) for o in cell["outputs"] if o.get("name") == "stdout")
    if "nbval-check-output" in tags(cell) and printed:
        return _checked(text, printed)
    return text


def _markdown(name: str, text: str) -> dict:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def _code(name: str, text: str) -> dict:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"tags": [name]},
        "source": text,
        "outputs": [],
        "execution_count": None,
    }


def without_bodies(text: str) -> str:
    """Python source whose functions and methods keep signature and docstring, and do nothing but ask for a body.

    Imports, constants, classes and their fields stay; comments outside of functions too.

    Raises:
        NotebookError: not Python.
    """
    try:
        functions = list(_functions(ast.parse(text)))
    except SyntaxError as error:
        raise chapters.NotebookError(f"a method cell is not Python: {error}") from error
    lines = [line.encode() for line in text.splitlines()]  # ast counts columns in bytes
    for node in reversed(functions):
        documented = ast.get_docstring(node, clean=False) is not None
        row, column = (node.body[0].end_lineno, node.body[0].end_col_offset) if documented else _colon(node, lines)
        head, tail = lines[row - 1][:column], lines[node.end_lineno - 1][node.end_col_offset :]
        body = f"{' ' * (node.col_offset + 4)}{YOUR_TURN}".encode() + tail
        lines[row - 1 : node.end_lineno] = [head, body]
    return b"\n".join(lines).decode()


def _functions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The outermost functions, and the methods of classes, in the order of the source."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
        else:
            yield from _functions(child)


def _colon(node: ast.AST, lines: list[bytes]) -> tuple[int, int]:
    """Row and byte column after the colon that ends the signature of a function."""
    text = b"\n".join(lines[node.lineno - 1 : node.end_lineno]).decode() + "\n"
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        if token.type == tokenize.OP and token.string == ":" and depth == 0:
            row, column = token.end
            return node.lineno - 1 + row, len(token.line[:column].encode())
    raise AssertionError("a function has a colon")


def _checked(text: str, printed: str) -> str:
    """A worked example inside `prints`, which compares what it prints with what the chapter printed."""
    expected = repr(printed) if '"""' in printed or "\\" in printed else f'"""{printed}"""'
    return f"from labelbook import teaching\n\nwith teaching.prints(\n    {expected}\n):\n{_indented(text)}"


def _indented(text: str) -> str:
    """`text` four spaces further right, the inside of strings over several lines as it was."""
    inside = set()
    tokens = tokenize.generate_tokens(io.StringIO(text + "\n").readline)
    kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokens:
        if token.type in kinds:
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
    lines = text.splitlines(keepends=True)
    return "".join(
        line if number in inside else textwrap.indent(line, "    ") for number, line in enumerate(lines, start=1)
    )


# ---------------------------------------------------------------------------------------------------------- grader


@contextlib.contextmanager
def prints(expected: str):
    """What is printed inside must say `expected`: the same words, the same whole numbers, and decimals within 0.002.

    Raises:
        AssertionError: it says something else; the message shows the first line that differs.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        print(printed.getvalue(), end="")
    got, wanted = (text.strip().splitlines() for text in (printed.getvalue(), expected))
    for number, line in enumerate(wanted):
        mine = got[number] if number < len(got) else "(nothing)"
        assert _same_line(mine, line), f"line {number + 1} should be\n    {line}\nand is\n    {mine}"
    assert len(got) == len(wanted), f"{len(wanted)} lines should be printed, and there are {len(got)}"
    print("This is what the book has.")


def _same_line(mine: str, wanted: str) -> bool:
    if [w.split() for w in _NUMBER.split(mine)] != [w.split() for w in _NUMBER.split(wanted)]:
        return False
    pairs = zip(_NUMBER.findall(mine), _NUMBER.findall(wanted), strict=True)
    return all(a == b or ("." in b and math.isclose(float(a), float(b), rel_tol=2e-3, abs_tol=2e-3)) for a, b in pairs)


@dataclass(frozen=True)
class Grade:
    """What became of one function: how many of its cases it passes, and what was wrong with the first that it does not."""

    function: str
    passed: int
    cases: int
    remark: str = ""

    @property
    def well(self) -> bool:
        return self.passed == self.cases


@dataclass(frozen=True)
class Report:
    """The grades of all functions whose results are known; shown as a table."""

    grades: tuple[Grade, ...]

    @property
    def passed(self) -> bool:
        """Whether every function gives its numbers; False where there is nothing to check."""
        return bool(self.grades) and all(grade.well for grade in self.grades)

    def __repr__(self) -> str:
        rows = [f"{'passes' if g.well else 'not yet':8}{g.function}: {_of(g)}" for g in self.grades]
        return "\n".join([*rows, self._sum()])

    def _repr_markdown_(self) -> str:
        rows = [
            f"| {'✓ passes' if g.well else '✗ not yet'} | `{g.function}` | {_of(g).replace('|', chr(92) + '|')} |"
            for g in self.grades
        ]
        return "\n".join(["| | function | |", "|---|---|---|", *rows, "", self._sum()])

    def _sum(self) -> str:
        return f"{sum(g.well for g in self.grades)} of {len(self.grades)} functions pass."


def _of(grade: Grade) -> str:
    remark = f"; {grade.remark}" if grade.remark else ""
    return f"{grade.passed} of {grade.cases} cases{remark}"


def grade(slug: str, names: Mapping[str, object]) -> Report:
    """Call the functions in `names` (such as `globals()`) on the chapter's known cases. Nothing that they raise gets out.

    Raises:
        DataError: the file with the numbers is damaged.
    """
    by_function: dict[str, list[dict]] = {}
    for case in vectors.cases(slug):
        by_function.setdefault(case["function"], []).append(case)
    return Report(tuple(_grade(name, found, names) for name, found in by_function.items()))


def _grade(name: str, cases: list[dict], names: Mapping[str, object]) -> Grade:
    if not callable(names.get(name)):
        return Grade(name, 0, len(cases), "there is no function of this name; run the cell that defines it")
    wrong = [remark for remark in (_try(names[name], case) for case in cases) if remark is not None]
    return Grade(name, len(cases) - len(wrong), len(cases), wrong[0] if wrong else "")


def _try(function, case: dict) -> str | None:
    """What is wrong with a function on a case, or None."""
    try:
        return vectors.check(function, case)
    except NotImplementedError as error:
        return str(error) or "not implemented"
    except Exception as error:  # a student's code may raise anything
        return f"{type(error).__name__}: {error}".splitlines()[0]


# ----------------------------------------------------------------------------------------------------------- files


def out_folder(kind: str) -> Path:
    """Where slides and handouts are written: `_build/<kind>` of the checkout."""
    return (resources.checkout() or Path.cwd()) / "_build" / kind


def write_handout(slug: str) -> Path:
    """Write the handout of a chapter to `_build/handout/<slug>.ipynb` and return its path.

    Raises:
        UnknownChapter, NotebookError: see `written_notebook`.
    """
    from .results import write_whole

    path = out_folder("handout") / f"{slug}.ipynb"
    write_whole(path, json.dumps(handout(written_notebook(slug), slug), indent=1, ensure_ascii=False) + "\n")
    return path
