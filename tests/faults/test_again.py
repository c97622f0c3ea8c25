"""`labelbook fresh` and `labelbook determinism`, with real runs of a tiny book."""

from labelbook import again, results

DRAWS = """
import os, random
from labelbook import results
draw = random.Random(int(os.environ["LABELBOOK_SEED_OFFSET"]))
drawn = [1 + 0.1 * draw.random() for _ in range(5)]
claims = [results.claim("Better", differences=drawn, at_least=0.5).to_dict()]
scores = [{"method": "new", "metric": "gain", "seed": seed, "value": value} for seed, value in enumerate(drawn)]
"""
# A claim that its authors saw on their own seeds only.
LUCKY = (
    DRAWS
    + 'claims = [results.claim("Lucky", differences=[d - (draw is random) for d in drawn], at_least=0.5).to_dict()]'
)
LUCKY = LUCKY.replace("draw is random", 'os.environ["LABELBOOK_SEED_OFFSET"] != "0"')


def test_fresh_seeds_are_compared_kept_and_not_run_twice(book, run):
    book.add("holds", DRAWS)
    book.add("lucky", LUCKY)
    run(profile="book")
    before = {
        path: path.read_bytes() for slug in book.slugs for path in (book.notebook(slug), book.record(slug, "book"))
    }

    code, printed = book.cli("fresh")
    assert code == 1
    assert "held  Better: difference: predicted 1." in printed
    assert "FELL  Lucky: difference: predicted 1." in printed
    assert {path: path.read_bytes() for path in before} == before
    assert (
        results.read_record(book.record("holds", "fresh"))["claims"]
        != results.read_record(book.record("holds", "book"))["claims"]
    )
    assert [one.held for one in again.stored("holds")] == [True]

    times = {slug: book.record(slug, "fresh").stat().st_mtime_ns for slug in book.slugs}
    code, printed = book.cli("fresh", "lucky")
    assert (code, "FELL  Lucky" in printed, "started" in printed) == (1, True, False)
    assert book.cli("fresh", "holds", "--force")[0] == 0
    assert book.record("lucky", "fresh").stat().st_mtime_ns == times["lucky"]
    assert book.record("holds", "fresh").stat().st_mtime_ns > times["holds"]


def test_a_fresh_run_that_fails_keeps_the_others(book, run):
    book.add("breaks", DRAWS, "assert os.environ['LABELBOOK_SEED_OFFSET'] == '0', 'only on seed 0'")
    book.add("holds", DRAWS)
    run(profile="book")
    code, printed = book.cli("fresh", "--jobs", "2")
    assert code == 1
    assert "breaks: failed in cell 3: AssertionError: only on seed 0" in printed
    assert "held  Better" in printed
    assert book.record("holds", "fresh").exists()
    assert not book.record("breaks", "fresh").exists()


def test_without_a_current_record_there_is_nothing_to_hold_against(book):
    book.add("never", DRAWS)
    assert book.cli("fresh") == (2, "Error: never is never run. Run `labelbook run never --profile book` first.\n")


def test_determinism_tells_a_chapter_that_forgets_its_seeds(book):
    book.add("seeded", DRAWS)
    book.add("clocked", DRAWS.replace("draw = random.Random(", "draw = random.Random() or ("))
    book.add("fixed", DRAWS.replace("random.Random(", "random.Random(0 * "))
    book.add(
        "timed", DRAWS, "import time\nscores.append({**scores[0], 'metric': 'seconds', 'value': time.perf_counter()})"
    )
    code, printed = book.cli("determinism", "--jobs", "2")
    told = dict(line.split(": on the same seeds ") for line in printed.splitlines() if "on the same seeds" in line)
    assert code == 1
    assert told["seeded"] == told["timed"] == "bitwise the same; other seeds change 5 of 5 scores"
    assert told["clocked"].startswith("off by up to 0.0")
    assert told["fixed"] == "bitwise the same; other seeds change 0 of 5 scores"
    assert not book.record("seeded").exists()
    assert book.cli("determinism", "seeded")[0] == 0
