"""Catalogue, code hash, and methods as modules."""

import copy
import dataclasses
import inspect
import json
import pickle
import subprocess
import sys

import pytest
import yaml

from labelbook import chapters, resources

METHOD = '''
from dataclasses import dataclass

@dataclass
class Point:
    """A place."""
    x: int

def double(point):
    """Twice as far."""
    return Point(2 * point.x)
'''


def cell(source, *tags):
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": list(tags)},
        "outputs": [],
        "execution_count": None,
    }


def entry(**changes):
    plain = {
        "slug": "one", "title": "One", "name": "One", "authors": ["A. Author"], "year": 2020, "venue": "V", "arxiv": None,
        "doi": None, "code": None, "licence": None, "part": "p", "tags": ["t"], "data": ["digits"], "claim": "c", "use_when": "u",
    }  # fmt: skip
    return {**plain, **changes}


def content(*entries, parts=({"slug": "p", "title": "P", "about": "a"},), **more):
    return {"parts": list(parts), "chapters": list(entries or [entry()]), **more}


def comparison(**changes):
    plain = {"slug": "two", "title": "Two", "name": "Two", "question": "q", "compares": ["one"], "data": ["digits"]}
    return {**plain, **changes}


def read(tmp_path, value):
    path = tmp_path / "catalogue.yml"
    path.write_text(value if isinstance(value, str) else yaml.safe_dump(value))
    return chapters.read_catalogue(path)


# -------------------------------------------------------------------------------------------------------- catalogue


def test_the_catalogue_lists_58_papers_in_nine_parts():
    book = chapters.catalogue()
    assert (len(book.chapters), len(book.parts)) == (58, 9)
    assert [c.part for c in book.chapters] == [p.slug for p in book.parts for _ in book.of_part(p.slug)]


def test_every_chapter_has_problem_words():
    for chapter in chapters.catalogue().chapters:
        assert 2 <= len(chapter.keywords) <= 6, chapter.slug
        assert len({word.lower() for word in chapter.keywords}) == len(chapter.keywords), chapter.slug


def test_needs_and_keywords_may_be_left_out(tmp_path):
    (chapter,) = read(tmp_path, content()).chapters
    assert (chapter.keywords, chapter.needs) == ((), ())
    one, two = read(tmp_path, content(entry(), entry(slug="two", needs=["one"]))).chapters
    assert (one.needs, two.needs) == ((), ("one",))


def test_a_comparison_is_found_by_its_slug_and_stands_in_a_folder_of_its_own(tmp_path):
    book = read(tmp_path, content(comparisons=[comparison()]))
    assert book["two"].path == "notebooks/comparisons/two.ipynb"
    assert not book["two"].written
    assert [chapter.slug for chapter in book.chapters] == ["one"]


def test_no_data_set_serves_more_than_half_of_a_part(capsys):
    book = chapters.catalogue()
    for part in book.parts:
        members = book.of_part(part.slug)
        names = sorted({name for c in members for name in c.data})
        census = {name: sum(name in c.data for c in members) for name in names}
        print(part.slug, census)
        assert max(census.values()) <= len(members) / 2, (part.slug, census)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("parts: [", "cannot be read as YAML"),
        ("just a text", "needs two lists"),
        (content(entry(), entry()), "chapter one is listed twice"),
        (content(entry(part="q")), "unknown part 'q'"),
        (content(entry(year="2020")), "chapter 'one': field 'year' has a wrong value"),
        (content(entry(title=None)), "field 'title' has a wrong value"),
        (content(entry(slug="../one")), "field 'slug' has a wrong value"),
        (content(entry(authors="A. Author")), "field 'authors' has a wrong value"),
        (content(entry(colour="red")), "field 'colour' is unknown"),
        (content({k: v for k, v in entry().items() if k != "claim"}), "field 'claim' is missing"),
        (content("one"), "is not a mapping"),
        (content(entry(keywords="noisy")), "field 'keywords' has a wrong value"),
        (content(entry(needs=["two"])), "chapter 'one' needs 'two', which is not a chapter"),
        (content(entry(needs=["one"])), "in a circle: one, one"),
        (content(entry(needs=["two"]), entry(slug="two", needs=["one"])), "in a circle"),
        (content(comparisons="two"), "`comparisons` is not a list"),
        (content(comparisons=[comparison(slug="one")]), "chapter one is listed twice"),
        (
            content(comparisons=[comparison(compares=["three"])]),
            "comparison 'two' compares 'three', which is not a chapter",
        ),
        (content(comparisons=[comparison(part="p")]), "comparison 'two': field 'part' is unknown"),
    ],
)
def test_a_wrong_catalogue_names_the_entry_and_the_field(tmp_path, value, message):
    with pytest.raises(chapters.CatalogueError, match=message):
        read(tmp_path, value)


def test_yaml_cannot_run_code(tmp_path):
    with pytest.raises(chapters.CatalogueError, match="cannot be read"):
        read(tmp_path, "parts: !!python/object/apply:os.system ['true']\nchapters: []")


def test_an_unknown_chapter_gets_a_suggestion():
    with pytest.raises(chapters.UnknownChapter, match="Did you mean nacl"):
        chapters.load("naacl")


def test_a_planned_chapter_says_so():
    planned = next(c for c in chapters.catalogue().chapters if not c.written)
    with pytest.raises(chapters.NotebookError, match="planned but not written yet"):
        chapters.load(planned.slug)
    assert chapters.state(planned) == "planned"


# -------------------------------------------------------------------------------------------------------- code hash


def test_comments_formatting_and_prose_do_not_count():
    first = {"cells": [cell("x = 1+1  # why\n\n"), {"cell_type": "markdown", "source": "prose", "metadata": {}}]}
    second = {
        "cells": [{"cell_type": "markdown", "source": "other", "metadata": {}}, cell(["x = 1 + 1\n", "# because"])]
    }
    assert chapters.code_hash(first) == chapters.code_hash(second)


def test_code_counts_and_so_does_the_order_of_cells():
    first, other = {"cells": [cell("x = 1"), cell("y = 2")]}, {"cells": [cell("x = 1"), cell("y = 3")]}
    swapped = {"cells": first["cells"][::-1]}
    assert len({chapters.code_hash(n) for n in (first, other, swapped)}) == 3


def test_magics_do_not_break_the_hash():
    assert chapters.code_hash({"cells": [cell("%time x = 1\n!ls")]}) != chapters.code_hash({"cells": [cell("x = 1")]})


def test_what_is_loaded_from_a_chapter_counts(book):
    loads = {"cells": [cell('from labelbook import chapters\n\none = chapters.load("one")')]}
    before = chapters.code_hash(loads)
    notebook = json.loads(book.read_text())
    notebook["cells"].append(cell("this_is_not_a_method = 1"))
    book.write_text(json.dumps(notebook))
    assert chapters.code_hash(loads) == before
    notebook["cells"][1]["source"] += "\nz = 3\n"
    book.write_text(json.dumps(notebook))
    assert chapters.code_hash(loads) != before


# ---------------------------------------------------------------------------------------- state, in a small book


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A checkout with one chapter in it; the library looks there instead of at the real one."""
    notebook = {
        "cells": [cell('profile = "book"', "parameters"), cell(METHOD, "method")],
        "metadata": {},
        "nbformat": 4,
    }
    path = tmp_path / "notebooks" / "p" / "one.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook))
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "catalogue.yml").write_text(yaml.safe_dump(content()))
    monkeypatch.setattr(resources, "checkout", lambda: tmp_path)
    chapters.catalogue.cache_clear()
    yield path
    chapters.catalogue.cache_clear()
    sys.modules.pop("labelbook.methods.one", None)


def put_record(path, profile, code):
    record = {
        "schema": 1,
        "slug": "one",
        "profile": profile,
        "source": "embedded",
        "code": code,
        "scores": [],
        "claims": [],
    }
    target = path.parents[2] / "data" / "results" / profile / "one.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(record))


def test_states_of_a_chapter(book):
    chapter = chapters.catalogue()["one"]
    notebook = json.loads(book.read_text())
    code = chapters.code_hash(notebook)
    assert chapters.state(chapter) == "never run"
    put_record(book, "book", code)
    assert chapters.state(chapter) == "never run"  # the notebook itself holds no outputs
    notebook["metadata"]["labelbook"] = {"code": code, "profile": "book"}
    book.write_text(json.dumps(notebook))
    assert chapters.state(chapter) == "current"

    edited = copy.deepcopy(notebook)
    edited["cells"][1]["source"] += "\nz = 3\n"
    book.write_text(json.dumps(edited))
    assert chapters.state(chapter) == "stale"

    book.write_text(json.dumps(notebook))
    put_record(book, "book", "0" * 64)
    assert chapters.state(chapter) == "stale"


def test_methods_are_a_real_module(book):
    methods = chapters.load("one")
    assert methods is chapters.load("one")
    assert methods.double(methods.Point(2)) == methods.Point(4)
    assert dataclasses.is_dataclass(methods.Point)
    assert inspect.getsource(methods.double).startswith("def double(point):")
    assert '"""A place."""' in inspect.getsource(methods.Point)
    assert pickle.loads(pickle.dumps(methods.Point(3))) == methods.Point(3)


def test_a_traceback_shows_the_line_of_the_method(book):
    import traceback

    try:
        chapters.load("one").double(None)
    except AttributeError as error:
        text = "".join(traceback.format_exception(error))
    assert "return Point(2 * point.x)" in text
    assert "one.ipynb (method cells)" in text


def test_a_notebook_without_method_cells_is_named(book):
    notebook = json.loads(book.read_text())
    notebook["cells"].pop()
    book.write_text(json.dumps(notebook))
    with pytest.raises(chapters.NotebookError, match="no code cell is tagged `method`"):
        chapters.load("one")


def test_a_damaged_notebook_is_named(book):
    book.write_text('{"cells": [')
    with pytest.raises(chapters.NotebookError, match="is not a notebook"):
        chapters.load("one")


# ------------------------------------------------------------------------------------------------ the real chapters


def test_pickles_travel_to_another_process(tmp_path):
    """What a chapter defines can be found again by a process that never loaded the chapter."""
    written = chapters.catalogue().written[0]
    module = chapters.load(written.slug)
    function = next(v for v in vars(module).values() if inspect.isfunction(v) and v.__module__ == module.__name__)
    (tmp_path / "pickle").write_bytes(pickle.dumps(function))
    code = f"import pickle; print(pickle.load(open({str(tmp_path / 'pickle')!r}, 'rb')).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == function.__name__


def test_loading_a_chapter_costs_a_tenth_of_a_second_at_most():
    """Beyond what its method cells import: those imports are made first, the better of two processes counts.

    As in `timeit`, the garbage of other chapters is not collected meanwhile: one such sweep takes longer than a chapter.
    """
    code = (
        "import gc, json, sys, time\n"
        "gc.disable()\n"
        "from labelbook import chapters\n"
        "def seconds(slug):\n"
        "    chapters.load(slug)\n"
        "    del sys.modules['labelbook.methods.' + slug.replace('-', '_')]\n"
        "    chapters.catalogue.cache_clear()\n"
        "    begin = time.perf_counter()\n"
        "    chapters.load(slug)\n"
        "    return time.perf_counter() - begin\n"
        "print(json.dumps({slug: seconds(slug) for slug in sys.argv[1:]}))"
    )
    command = [sys.executable, "-c", code, *(chapter.slug for chapter in chapters.catalogue().written)]
    runs = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(2)]
    assert {slug: best for slug in runs[0] if (best := min(run[slug] for run in runs)) > 0.1} == {}
