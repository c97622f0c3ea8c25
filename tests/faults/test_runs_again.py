"""`labelbook fresh` and `labelbook determinism`, with real runs of a tiny book."""

import pytest

from labelbook import again, results

DRAWS = """
import os, random, time
from labelbook import results
offset = int(os.environ["LABELBOOK_SEED_OFFSET"])
draw = random.Random(offset)
drawn = [1 + 0.1 * draw.random() for _ in range(5)]
claims = [results.claim("Better", differences=drawn, at_least=0.5).to_dict()]
scores = [{"method": "new", "metric": "gain", "seed": seed, "value": value} for seed, value in enumerate(drawn)]
scores.append({**scores[0], "metric": "seconds", "value": time.perf_counter()})
"""
# A claim that its authors saw on their own seeds only.
LUCKY = DRAWS.replace("differences=drawn", "differences=[d - (offset > 0) for d in drawn]")


def test_fresh_seeds_are_compared_and_kept_and_nothing_published_changes(book, run):
    book.add("holds", DRAWS)
    book.add("breaks", DRAWS, "assert offset == 0, 'only on these seeds'")
    book.add("lucky", LUCKY)
    run(profile="book", jobs=2)
    published = {path: path.read_bytes() for s in book.slugs for path in (book.notebook(s), book.record(s, "book"))}

    code, printed = book.cli("fresh", "--jobs", "2")
    assert code == 1
    assert "held  Better: difference: predicted 1." in printed
    assert "FELL  Better: difference: predicted 1." in printed
    assert "breaks (seeds from 10000): failed in cell 3: AssertionError: only on these seeds" in printed
    assert {path: path.read_bytes() for path in published} == published
    assert again.stored("breaks") is None
    assert [[one.held for one in again.stored(slug)] for slug in ("holds", "lucky")] == [[True], [False]]
    old, new = (results.read_record(book.record("holds", folder)) for folder in ("book", "fresh"))
    assert old["scores"] != new["scores"]

    # What is there is not made again, unless it must be.
    started, times = [], {slug: book.record(slug, "fresh").stat().st_mtime_ns for slug in ("holds", "lucky")}
    found = again.fresh(["lucky", "breaks"], notify=lambda outcome: started.append(outcome.slug))
    assert [one.held for one in found["lucky"]] == [False]
    assert isinstance(found["breaks"], again.AgainError)
    assert set(started) == {"breaks"}
    again.fresh(["holds"], force=True)
    assert [book.record(slug, "fresh").stat().st_mtime_ns > then for slug, then in times.items()] == [True, False]


def test_draws_are_pooled_and_one_that_fails_leaves_the_others(book, run):
    book.add("holds", DRAWS)
    book.add("breaks", DRAWS, "assert offset < 20_000, 'not on these'")
    run(profile="book", jobs=2)
    code, printed = book.cli("fresh", "--draws", "2", "--jobs", "2")
    assert code == 1
    assert "holds (seeds from 20000): finished" in printed
    assert "breaks (seeds from 20000): failed in cell 3: AssertionError: not on these" in printed
    pooled, whole = (results.read_record(book.record(slug, "fresh")) for slug in ("breaks", "holds"))
    assert (len(pooled["scores"]), len(whole["scores"])) == (6, 12)
    assert {row["seed"] for row in whole["scores"]} == {*range(10_000, 10_005), *range(20_000, 20_005)}
    (claim,) = map(results.Claim.from_dict, whole["claims"])
    values = [row["value"] for row in whole["scores"] if row["metric"] == "gain"]
    assert list(claim.conditions[0].differences) == values

    # Two draws are enough for one, not for three.
    assert again.fresh(["holds"], notify=lambda outcome: pytest.fail("it ran again"))["holds"][0].held is True
    again.fresh(["holds"], draws=3, jobs=3)
    assert len(results.read_record(book.record("holds", "fresh"))["scores"]) == 18


def test_draws_of_different_code_are_not_pooled():
    one = {"slug": "some", "code": "a", "claims": [], "scores": []}
    with pytest.raises(again.AgainError, match="not of the same code"):
        again.pooled({0: one, 1: {**one, "code": "b"}})


def test_without_a_current_record_there_is_nothing_to_hold_against(book):
    book.add("never", DRAWS)
    assert book.cli("fresh") == (2, "Error: never is never run. Run `labelbook run never --profile book` first.\n")


def test_determinism_tells_the_chapters_that_forget_their_seeds(book):
    book.add("seeded", DRAWS)
    book.add("clocked", DRAWS.replace("random.Random(offset)", "random.Random()"))
    book.add("fixed", DRAWS.replace("random.Random(offset)", "random.Random(0)"))
    code, printed = book.cli("determinism", "--jobs", "2")
    told = dict(line.split(": on the same seeds ") for line in printed.splitlines() if "on the same seeds" in line)
    assert code == 1
    assert told["seeded"] == "bitwise the same; other seeds change 5 of 5 scores"
    assert told["clocked"].startswith("off by up to 0.0")
    assert told["fixed"] == "bitwise the same; other seeds change 0 of 5 scores"
    assert not book.record("seeded").exists()
