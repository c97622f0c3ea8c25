"""Records that were damaged or made up: each is refused by name, or every reader copes with it and shows no markup."""

import copy
import json
import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelbook import __main__ as cli
from labelbook import again, chapters, resources, results

sys.path[:0] = [str(resources.checkout() / "book"), str(resources.checkout() / "book" / "_ext")]
import make_pages  # noqa: E402
import provenance  # noqa: E402
import scoreboard  # noqa: E402

HOSTILE = "<script>window.pwned = 1</script>"
CHAPTER = chapters.catalogue().chapters[0]


def whole():
    """A record with each kind of claim, as `run.save()` leaves it."""
    one = results.claim("Better", differences=[1.0, 1.1, 0.9], at_least=0.5, unit="points")
    two = results.claim("Two", all_of=[{"differences": [0.1, 0.2], k: 0.3} for k in ("not_worse_by", "equal_within")])
    return {
        "schema": results.SCHEMA, "slug": CHAPTER.slug, "profile": "book", "source": "embedded",
        "scores": [{"method": "m", "seed": s, "metric": "accuracy", "value": 0.5 + s} for s in range(2)],
        "claims": [one.to_dict(), two.to_dict()], "fingerprint": {"m": [0.5, None]}, "code": "0123", "date": "2026-11-23",
        "device": "CPU", "versions": {"python": "3.11"}, "cpu_seconds": 30.5, "wall_seconds": 20.5,
    }  # fmt: skip


def places(value, here=()):
    """The path of everything inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*here, key)
        yield from places(item, (*here, key))


def put(record, place, value):
    *way, last = place
    for key in way:
        record = record[key]
    record[last] = value


NUMBERS = st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 10**400, -1, 0, -0.0, True])
ANYTHING = st.one_of(NUMBERS, st.sampled_from([None, HOSTILE, "", "1e999", [], {}, [[]], {"a": HOSTILE}]))
PLACES = list(places(whole()))


def read_by_everyone(folder):
    """Let every reader of records look at the one in `folder`; gives all that would come to a page."""
    catalogue = chapters.Catalogue((), (CHAPTER,), ())
    path = resources.results_folder("book") / f"{CHAPTER.slug}.json"
    record = results.read_record(path)
    found = scoreboard.rows(catalogue)
    parts = {part.slug: part.title for part in chapters.catalogue().parts}
    pages = [scoreboard.table_row(row, parts[CHAPTER.part], {}) for row in found]
    pages += [make_pages.measured_row(CHAPTER, row.claim) for row in found]
    provenance.words(record)  # goes into the page as text, not as markup
    cli._row(CHAPTER, "book")
    list(map(str, again.compare(record, record)))
    again.repeated(record, record, record)
    return "\n".join(pages).replace(r"\<", "")


def looked_at(folder):
    """What comes to a page, and the complaint where the record is refused."""
    try:
        return read_by_everyone(folder), ""
    except results.RecordError as error:
        return "", str(error)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABELBOOK_RESULTS", str(tmp_path_factory.mktemp("results")))
        patch.setattr(chapters, "state", lambda *_: "stale")  # the notebook would be read each time
        (resources.results_folder("book")).mkdir()
        yield resources.results_folder("book")


def written(folder, text):
    (folder / f"{CHAPTER.slug}.json").write_bytes(text)


def test_a_record_as_it_should_be_is_read_by_everyone(folder):
    written(folder, json.dumps(whole()).encode())
    assert "Better" in read_by_everyone(folder)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=3))
def test_whatever_stands_in_a_record_no_reader_breaks(folder, changes):
    record = copy.deepcopy(whole())
    for place, value in changes:
        try:
            put(record, place, value)
        except (KeyError, IndexError, TypeError):  # an earlier change took the place away
            continue
    written(folder, json.dumps(record).encode())
    pages, complaint = looked_at(folder)
    assert "<script" not in pages
    assert complaint == "" or "labelbook run --force" in complaint


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.data())
def test_a_record_cut_short_or_with_flipped_bits_is_refused_or_still_a_record(folder, data):
    raw = bytearray(json.dumps(whole()).encode())
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    written(folder, bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    _, complaint = looked_at(folder)
    assert complaint == "" or complaint.startswith(str(folder / CHAPTER.slug))


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe", b"", b"null", b'{"schema": 1e999}', b"1" * 5000])
def test_what_is_no_record_at_all_is_refused(folder, content):
    written(folder, content)
    with pytest.raises(results.RecordError):
        read_by_everyone(folder)
