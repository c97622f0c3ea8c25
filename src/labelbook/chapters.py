"""The catalogue, and the methods of the chapters as importable modules.

`load("nacl").nacl_loss` gives what the `method` cells of a chapter define. The module behind it is a real one,
`labelbook.methods.nacl`, found by the import system, so that dataclasses, `inspect.getsource` and pickling work.
"""

from __future__ import annotations

import ast
import difflib
import functools
import graphlib
import hashlib
import importlib
import importlib.abc
import importlib.util
import json
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from . import resources


class CatalogueError(ValueError):
    """The catalogue is not what it should be; the message names the entry and the field."""


class UnknownChapter(KeyError):
    """No chapter of that name is in the catalogue."""

    def __str__(self):
        return self.args[0]


class NotebookError(RuntimeError):
    """A chapter's notebook is missing, unreadable or lacks something that every chapter has."""


# ------------------------------------------------------------------------------------------------------- catalogue


@dataclass(frozen=True)
class Part:
    """One of the nine parts of the book."""

    slug: str
    title: str
    about: str


class _HasNotebook:
    """What chapters and comparisons share: a slug, a part (a folder of notebooks), and so a notebook."""

    slug: str
    part: str

    @property
    def path(self) -> str:
        """The notebook's place, relative to the root of the book."""
        return f"notebooks/{self.part}/{self.slug}.ipynb"

    def notebook(self) -> Path:
        """The notebook on this machine.

        Raises:
            NotebookError: it is planned and not written yet.
        """
        try:
            return resources.find(self.path)
        except resources.DataError:
            kind = type(self).__name__.lower()
            raise NotebookError(
                f"{kind} {self.slug!r} is planned but not written yet: there is no {self.path}"
            ) from None

    @property
    def written(self) -> bool:
        try:
            self.notebook()
        except NotebookError:
            return False
        return True


@dataclass(frozen=True)
class Chapter(_HasNotebook):
    """One paper: an entry of `book/catalogue.yml`."""

    slug: str
    title: str
    name: str
    authors: tuple[str, ...]
    year: int
    venue: str
    arxiv: str | None
    doi: str | None
    code: str | None
    licence: str | None
    part: str
    tags: tuple[str, ...]
    data: tuple[str, ...]
    claim: str
    use_when: str
    keywords: tuple[str, ...] = ()  # words for the problem, as a reader would type them into a search field
    needs: tuple[str, ...] = ()  # the chapters to read first


@dataclass(frozen=True)
class Comparison(_HasNotebook):
    """Several chapters' methods on one data set with one budget: an entry of `book/catalogue.yml`."""

    slug: str
    title: str
    name: str
    question: str
    compares: tuple[str, ...]  # the chapters whose method cells it loads
    data: tuple[str, ...]
    part: ClassVar[str] = "comparisons"


_OPTIONAL = {"arxiv", "doi", "code", "licence"}
_LISTS = {"authors", "tags", "data", "keywords", "needs", "compares"}
_MAY_BE_ABSENT = {"keywords", "needs"}


def _entry(kind: type, row: object, number: int):
    """A `Part`, `Chapter` or `Comparison` from one mapping of the catalogue, every field checked."""
    if not isinstance(row, dict):
        raise CatalogueError(f"catalogue: entry {number} of {kind.__name__.lower()}s is not a mapping")
    where = f"catalogue: {kind.__name__.lower()} {row.get('slug', number)!r}"
    names = [f.name for f in fields(kind)]
    for name in (*names, *row):
        if (name not in row and name not in _MAY_BE_ABSENT) or name not in names:
            raise CatalogueError(f"{where}: field {name!r} is {'missing' if name in names else 'unknown'}")
    for name, value in row.items():
        if name in _LISTS:
            ok = isinstance(value, list) and value and all(isinstance(v, str) for v in value)
        elif name == "year":
            ok = isinstance(value, int)
        elif name in ("slug", "part"):  # names of files and folders are made of them
            ok = isinstance(value, str) and re.fullmatch(r"[a-z0-9-]+", value)
        else:
            ok = (value is None and name in _OPTIONAL) or (isinstance(value, str) and value.strip() != "")
        if not ok:
            raise CatalogueError(f"{where}: field {name!r} has a wrong value: {value!r}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})


@dataclass(frozen=True)
class Catalogue:
    """The parts, chapters and comparisons of the book, in reading order."""

    parts: tuple[Part, ...]
    chapters: tuple[Chapter, ...]
    comparisons: tuple[Comparison, ...] = ()

    def __getitem__(self, slug: str) -> Chapter | Comparison:
        known = {entry.slug: entry for entry in (*self.chapters, *self.comparisons)}
        if slug in known:
            return known[slug]
        close = difflib.get_close_matches(slug, known, n=3, cutoff=0.4)
        hint = f"Did you mean {' or '.join(close)}?" if close else "`labelbook list` shows all chapters."
        raise UnknownChapter(f"there is no chapter {slug!r}. {hint}")

    def of_part(self, part: str) -> list[Chapter]:
        return [c for c in self.chapters if c.part == part]

    @property
    def written(self) -> list[Chapter]:
        return [c for c in self.chapters if c.written]

    @property
    def runnable(self) -> list[Chapter | Comparison]:
        """Everything with a notebook: the written chapters, then the written comparisons."""
        return [entry for entry in (*self.chapters, *self.comparisons) if entry.written]


def read_catalogue(path: Path) -> Catalogue:
    """Read and check a catalogue file.

    Raises:
        CatalogueError: not YAML, a field missing, unknown or of the wrong type, a slug twice, an unknown part,
            `needs` that name no chapter or lead back to where they began, or a comparison of what is no chapter.
    """
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogueError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("parts", "chapters")):
        raise CatalogueError(f"{path}: needs two lists, `parts` and `chapters`")
    parts = tuple(_entry(Part, row, i) for i, row in enumerate(content["parts"]))
    chapters = tuple(_entry(Chapter, row, i) for i, row in enumerate(content["chapters"]))
    listed = content.get("comparisons", [])
    if not isinstance(listed, list):
        raise CatalogueError(f"{path}: `comparisons` is not a list")
    comparisons = tuple(_entry(Comparison, row, i) for i, row in enumerate(listed))
    for kind, entries in (("part", parts), ("chapter", (*chapters, *comparisons))):
        slugs = [e.slug for e in entries]
        twice = sorted({s for s in slugs if slugs.count(s) > 1})
        if twice:
            raise CatalogueError(f"catalogue: {kind} {', '.join(twice)} is listed twice")
    for chapter in chapters:
        if chapter.part not in {p.slug for p in parts}:
            raise CatalogueError(f"catalogue: chapter {chapter.slug!r} names an unknown part {chapter.part!r}")
    _check_needs({chapter.slug: chapter.needs for chapter in chapters})
    for comparison in comparisons:
        for slug in comparison.compares:
            if slug not in {chapter.slug for chapter in chapters}:
                raise CatalogueError(
                    f"catalogue: comparison {comparison.slug!r} compares {slug!r}, which is not a chapter"
                )
    return Catalogue(parts, chapters, comparisons)


def _check_needs(needs: dict[str, tuple[str, ...]]) -> None:
    """Raise `CatalogueError` where a chapter needs one that is not there, or, in the end, itself."""
    for slug, needed in needs.items():
        for other in needed:
            if other not in needs:
                raise CatalogueError(f"catalogue: chapter {slug!r} needs {other!r}, which is not a chapter")
    try:
        tuple(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as error:
        raise CatalogueError(f"catalogue: chapters need each other in a circle: {', '.join(error.args[1])}") from None


@functools.cache
def catalogue() -> Catalogue:
    """The book's own catalogue."""
    return read_catalogue(resources.find("book/catalogue.yml"))


# ------------------------------------------------------------------------------------------------------- notebooks


def read_notebook(path: Path) -> dict:
    """The notebook's JSON.

    Raises:
        NotebookError: missing or damaged.
    """
    try:
        notebook = json.loads(Path(path).read_text(encoding="utf-8"))
        cells = notebook["cells"]
        assert isinstance(cells, list)
    except OSError as error:
        raise NotebookError(f"{path} cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise NotebookError(f"{path} is not a notebook ({error!r}). Restore it with `git checkout`.") from error
    return notebook


COLAB = "colab"  # tag of the cell that installs the book there; it computes nothing, so nothing here counts it


def code_cells(notebook: dict, tag: str | None = None) -> list[str]:
    """Sources of the code cells, in order, without the one for Colab; only those that carry `tag` where one is given."""

    def wanted(cell):
        tags = cell.get("metadata", {}).get("tags", [])
        return cell["cell_type"] == "code" and (COLAB not in tags if tag is None else tag in tags)

    return ["".join(cell["source"]) for cell in notebook["cells"] if wanted(cell)]


def code_hash(notebook: dict) -> str:
    """sha256 of what the code cells say: comments, formatting and prose don't count.

    What the notebook takes from other chapters by `chapters.load("...")` counts as well: their `method` cells. Each cell
    goes through IPython's transformer (magics become calls) and the parser. What is hashed is our own rendering of the
    syntax tree: `ast.dump` and, for f-strings, `ast.unparse` differ between versions of Python.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    digest, loaded = hashlib.sha256(), set()
    for source in code_cells(notebook):
        tree = ast.parse(TransformerManager().transform_cell(source))
        digest.update(_rendered(tree).encode() + b"\n")
        loaded |= _loaded(tree)
    for path in filter(None, map(resources.find_notebook, sorted(loaded))):
        for source in code_cells(read_notebook(path), tag="method"):
            digest.update(_rendered(ast.parse(source)).encode() + b"\n")
    return digest.hexdigest()


def _loaded(tree: ast.AST) -> set[str]:
    """The chapters that the code names in calls of `chapters.load`."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.args) == 1)
    return {
        call.args[0].value for call in calls if ast.unparse(call.func) == "chapters.load" and _is_word(call.args[0])
    }


def _is_word(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _rendered(node) -> str:
    """A syntax tree as text, without fields that are empty (new versions add such fields)."""
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in sorted(node._fields))
        filled = (f"{name}={_rendered(value)}" for name, value in fields if value not in (None, []))
        return f"{type(node).__name__}({','.join(filled)})"
    if isinstance(node, list):
        return f"[{','.join(map(_rendered, node))}]"
    return repr(node)


def state(chapter: Chapter | Comparison, profile: str = "book") -> str:
    """Whether what is stored belongs to the code that is shown.

    Returns:
        "planned" (no notebook), "never run" (no record, or cells without outputs), "stale" (other code) or "current".
        For `book` the notebook's own outputs count as well as the record.

    Raises:
        RecordError: the record on disk is damaged.
    """
    from .results import read_record

    if not chapter.written:
        return "planned"
    notebook = read_notebook(chapter.notebook())
    record = resources.results_folder(profile) / f"{chapter.slug}.json"
    if not record.exists():
        return "never run"
    code = code_hash(notebook)
    if profile == "book":
        executed = notebook.get("metadata", {}).get("labelbook", {}).get("code")
        if executed is None:
            return "never run"
        if executed != code:
            return "stale"
    return "current" if read_record(record)["code"] == code else "stale"


# ---------------------------------------------------------------------------------------------------------- methods


class _MethodFinder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds `labelbook.methods.<chapter>` and builds it from the notebook's `method` cells."""

    prefix = "labelbook.methods."

    def _notebook(self, fullname: str) -> Path | None:
        return resources.find_notebook(fullname.removeprefix(self.prefix).replace("_", "-"))

    def find_spec(self, fullname, path=None, target=None):
        if not fullname.startswith(self.prefix) or self._notebook(fullname) is None:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=f"{self._notebook(fullname)} (method cells)")

    def get_source(self, fullname):
        notebook = self._notebook(fullname)
        sources = code_cells(read_notebook(notebook), tag="method")
        if not sources:
            raise NotebookError(f"{notebook}: no code cell is tagged `method`")
        return "\n\n".join(sources) + "\n"

    def exec_module(self, module):
        # `inspect` and tracebacks read the source back through this name and `get_source`.
        module.__file__ = module.__spec__.origin
        exec(compile(self.get_source(module.__name__), module.__file__, "exec"), module.__dict__)


def install_finder() -> None:
    """Let the import system know `labelbook.methods.*`; done once, by that package itself."""
    if not any(isinstance(finder, _MethodFinder) for finder in sys.meta_path):
        sys.meta_path.append(_MethodFinder())


def load(slug: str) -> ModuleType:
    """The names that a chapter's `method` cells define, as a module.

    Raises:
        UnknownChapter: not in the catalogue; suggests the nearest names.
        NotebookError: planned and not written yet, or without `method` cells.
    """
    if resources.find_notebook(slug) is None:
        catalogue()[slug].notebook()  # says what is wrong: no such chapter, or not written yet
    return importlib.import_module("labelbook.methods." + slug.replace("-", "_"))
