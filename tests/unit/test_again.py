"""Chapters run again: what is predicted for fresh seeds, what counts as the same, and what the records must say."""

import json
import math
import random

import numpy as np
import pytest
import torch

from labelbook import again, resources, results, run


def record(*claims, scores=(), code="x"):
    names = ("method", "metric", "seed", "value")
    rows = [dict(zip(names, score, strict=True)) for score in scores]
    kept = {"schema": results.SCHEMA, "slug": "some", "profile": "book", "source": "embedded", "code": code}
    return kept | {"claims": [claim.to_dict() for claim in claims], "scores": rows}


def claim(*differences, text="Better"):
    return results.claim(text, differences=differences, at_least=0.5)


# ------------------------------------------------------------------------------------------------------- fresh seeds


def test_the_prediction_interval_is_that_of_the_formula():
    # n = 3, mean 2, sd 1, t(0.975, 2 df) = 4.30265; half = 4.30265 * sqrt(1/3 + 1/5)
    low, high = again.prediction_interval([1.0, 2.0, 3.0], 5)
    assert (low, high) == pytest.approx((2 - 3.14221, 2 + 3.14221), abs=1e-4)


@pytest.mark.parametrize(("old", "new"), [(3, 3), (3, 5), (5, 5), (8, 3)])
def test_it_holds_the_mean_of_new_differences_nineteen_times_in_twenty(old, new):
    draw, inside, repetitions = random.Random(old * 10 + new), 0, 4000
    for _ in range(repetitions):
        low, high = again.prediction_interval([draw.gauss(1, 2) for _ in range(old)], new)
        inside += low <= sum(draw.gauss(1, 2) for _ in range(new)) / new <= high
    assert inside / repetitions == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / repetitions))


@pytest.mark.parametrize("differences", [(), (1.0,), (1.0, math.nan)])
def test_nothing_is_predicted_from_fewer_than_two_numbers(differences):
    assert again.prediction_interval(differences, 3) is None


def test_each_condition_is_held_against_the_one_in_its_place():
    old = record(claim(1.0, 1.1, 0.9), claim(1.0, 1.1, 0.9, text="Faster"), claim(1.0, text="Once"))
    new = record(claim(1.0, 1.2, 0.95), claim(3.0, 3.1, 2.9, text="Faster"), claim(1.0, text="Once"))
    held, fell, unknown = again.compare(old, new)
    assert (held.held, fell.held, unknown.held) == (True, False, None)
    assert str(held).startswith("held  Better: difference: predicted 0.649 to 1.35, found 1.05")
    assert str(fell).startswith("FELL  Faster")
    assert str(unknown) == "?     Once: difference: nothing to compare"
    assert [one.held for one in again.compare(old, record(claim(1.0, 1.0, 1.0)))] == [True, None, None]


def test_the_conditions_of_a_claim_share_the_one_chance_in_twenty():
    old, new = {"differences": [1.0, 1.1, 0.9], "at_least": 0.5}, {"differences": [1.5, 1.5, 1.5], "at_least": 0.5}
    (alone,) = again.compare(*(record(results.claim("One", **one)) for one in (old, new)))
    four = again.compare(*(record(results.claim("Four", all_of=[one] * 4)) for one in (old, new)))
    assert alone.held is False
    assert [one.held for one in four] == [True] * 4
    assert four[0].predicted == again.prediction_interval(old["differences"], 3, 1 - 0.05 / 4)


def test_an_effect_that_never_varies_is_predicted_exactly():
    assert again.compare(record(claim(0.1, 0.1, 0.1)), record(claim(0.1, 0.1)))[0].held is True
    assert again.compare(record(claim(0.1, 0.1, 0.1)), record(claim(0.1, 0.2)))[0].held is False


def test_a_score_that_is_not_finite_is_nothing_to_compare():
    assert again.compare(record(claim(1.0, 1.1)), record(claim(1.0, math.nan)))[0].held is None


def test_a_fresh_record_of_other_code_counts_as_not_tried(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELBOOK_RESULTS", str(tmp_path))

    def store(folder, content):
        results.write_whole(resources.results_folder(folder) / "some.json", json.dumps(content))

    assert again.stored("some") is None
    store("book", record(claim(1.0, 1.1)))
    assert again.stored("some") is None
    store("fresh", record(claim(1.0, 1.1), code="older"))
    assert again.stored("some") is None
    store("fresh", record(claim(1.0, 1.1)))
    assert [one.held for one in again.stored("some")] == [True]
    (tmp_path / "fresh" / "some.json").write_text("{")
    with pytest.raises(results.RecordError, match="is damaged"):
        again.stored("some")


# -------------------------------------------------------------------------------------------------------- same seeds

SCORES = [("a", "accuracy", 0, 0.5), ("a", "accuracy", 1, 0.25), ("a", "loss", 0, None), ("a", "CPU seconds", 0, 3.0)]


def changed(**values):
    """SCORES with another value in row `r0`, `r1`, ..."""
    return record(scores=[(*score[:3], values.get(f"r{i}", score[3])) for i, score in enumerate(SCORES)])


def test_the_same_scores_are_well_and_what_a_clock_measured_does_not_count():
    same = again.repeated(changed(), changed(r3=4.0), changed(r0=0.75, r3=5.0))
    assert (same.well, same.scores, same.furthest, same.changed) == (True, 3, 0.0, 1)
    assert str(same) == "some: on the same seeds bitwise the same; other seeds change 1 of 3 scores"


@pytest.mark.parametrize(
    ("second", "furthest"),
    [
        (changed(r0=math.nextafter(0.5, 1)), pytest.approx(2.2e-16, rel=0.1)),
        (changed(r2=0.1), math.inf),
        (record(scores=SCORES[:2]), math.inf),
    ],
)
def test_a_difference_in_the_last_bit_is_one(second, furthest):
    repeated = again.repeated(changed(), second, changed(r0=0.75))
    assert (repeated.well, repeated.furthest) == (False, furthest)
    assert "off by up to" in str(repeated)


def test_seeds_that_change_nothing_are_not_used():
    assert not again.repeated(changed(), changed(), changed()).well


# ----------------------------------------------------------------------------------------------------- shifted seeds


def draws(offset, monkeypatch):
    """A number from each generator that a chapter may use, all of seed 3."""
    monkeypatch.setenv("LABELBOOK_SEED_OFFSET", str(offset))
    a_run = run.start("nacl", "smoke")
    own = torch.rand((), generator=a_run.seed(3))
    everywhere = (random.random(), np.random.random(), torch.rand(()))  # noqa: NPY002 (what `seed` seeds)
    fresh = (torch.rand((), generator=a_run.generator(3)), a_run.rng(3).random(), *everywhere)
    return a_run.record()["seed_offset"], [float(number) for number in (own, *fresh)]


def test_the_offset_shifts_the_seed_of_every_generator_and_is_recorded(monkeypatch):
    (none, first), (_, again_first), (offset, other) = (draws(n, monkeypatch) for n in (0, 0, again.OFFSET))
    assert (none, offset) == (0, again.OFFSET)
    assert first == again_first
    assert all(a != b for a, b in zip(first, other, strict=True))
