"""Every chapter runs in `smoke`, within its budget, and its first losses are those of the committed record."""

import math

import pytest
from common import every_notebook

from labelbook import resources, results
from labelbook.run import CPU_SECONDS, MEMORY_GIB


@every_notebook
def test_the_record_is_whole(smoke, slug):
    record = smoke[slug]
    assert record["profile"] == "smoke"
    assert record["source"] == "embedded"
    assert record["scores"]
    assert record["claims"]
    assert all(row["value"] is not None and math.isfinite(row["value"]) for row in record["scores"])


@every_notebook
def test_the_budget_holds(smoke, slug):
    assert smoke[slug]["cpu_seconds"] <= CPU_SECONDS["smoke"]
    assert smoke[slug]["peak_memory_mib"] <= 1024 * MEMORY_GIB["smoke"]


@every_notebook
def test_one_seed_gives_no_verdict(smoke, slug):
    single = [c for claim in smoke[slug]["claims"] for c in claim["conditions"] if len(c["differences"]) == 1]
    assert all(c["verdict"] == results.UNDECIDED for c in single)


@every_notebook
def test_the_first_losses_are_the_committed_ones(smoke, slug):
    """All of them on the record's processor; elsewhere as many as rounding leaves alone, which the record says."""
    record = results.read_record(resources.checkout() / "data" / "results" / "smoke" / f"{slug}.json")
    committed, steady = record["fingerprint"], record.get("steady", {})
    assert committed.keys() == smoke[slug]["fingerprint"].keys()
    assert any(len(losses) == 20 for losses in committed.values())
    assert committed.keys() == steady.keys(), f"run `labelbook steady {slug}`"
    assert max(steady.values()) >= 1, "rounding decides even the first loss of every method"
    same_machine = record["device"] == smoke[slug]["device"]
    for method, losses in committed.items():
        count = len(losses) if same_machine else steady[method]
        message = f"{slug}, {method}: if the library changed on purpose, run the chapter again in `book` and `smoke`"
        assert smoke[slug]["fingerprint"][method][:count] == pytest.approx(losses[:count], rel=1e-3), message


@every_notebook
def test_the_book_record_kept_its_promises(slug):
    record = results.read_record(resources.checkout() / "data" / "results" / "book" / f"{slug}.json")
    assert record["cpu_seconds"] <= CPU_SECONDS["book"]
    assert record["peak_memory_mib"] <= 1024 * MEMORY_GIB["book"]
    assert len({row["seed"] for row in record["scores"]}) >= 3
    # A record says what was computed: the stored verdicts are those of the stored differences.
    for row in record["claims"]:
        again = results.Claim.from_dict(row)
        assert (again.verdict, again.sentence) == (row["verdict"], row["sentence"])
