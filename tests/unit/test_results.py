"""Scores, intervals, claims and records, on made-up numbers whose verdict is known."""

import json
import math
import sys

import numpy as np
import pytest
from scipy import stats

from labelbook import resources, results
from labelbook.results import NOT_REPRODUCED, REPRODUCED, UNDECIDED, Claim, Scores, claim, condition, t_interval


def scores_of(**methods):
    """Scores of one metric, "accuracy", from lists of values a seed."""
    scores = Scores()
    for method, values in methods.items():
        for seed, value in enumerate(values):
            scores.add(method=method, seed=seed, metric="accuracy", value=value)
    return scores


def test_the_interval_is_students():
    differences = [0.1, 0.3, 0.2, 0.25, 0.05]
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert t_interval(differences) == pytest.approx((expected.low, expected.high))


def test_an_interval_needs_two_finite_numbers():
    for bad in ([], [1.0], [1.0, math.nan], [1.0, math.inf]):
        with pytest.raises(ValueError, match="two or more finite"):
            t_interval(bad)


@pytest.mark.parametrize(
    ("differences", "verdict", "why"),
    [
        ([0.20, 0.21, 0.22], REPRODUCED, ""),
        ([-0.01, 0.00, 0.01], NOT_REPRODUCED, ""),
        ([0.050, 0.051, 0.052], NOT_REPRODUCED, "smaller than claimed"),
        ([0.05, 0.15, 0.10], UNDECIDED, ""),
        ([0.10, 0.10, 0.10], REPRODUCED, ""),  # a tie with the threshold counts as reaching it
        ([0.0, 0.0, 0.0], NOT_REPRODUCED, ""),  # a tie of the methods is no effect
        ([0.5], UNDECIDED, "a single seed gives no verdict"),
        ([0.5, math.nan, 0.5], UNDECIDED, "a score is not finite"),
        ([], UNDECIDED, "no seeds"),
    ],
)
def test_verdicts_of_an_effect(differences, verdict, why):
    found = condition(differences=differences, at_least=0.1)
    assert (found.verdict, found.why) == (verdict, why)
    assert verdict in found.sentence
    assert why in found.sentence


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [([-0.002, 0.0, 0.002], REPRODUCED), ([-0.05, -0.051, -0.052], NOT_REPRODUCED), ([-0.03, 0.0, 0.01], UNDECIDED)],
)
def test_non_inferiority(differences, verdict):
    assert condition(differences=differences, not_worse_by=0.01).verdict == verdict


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([1e-15, 0.0, -1e-15], REPRODUCED),
        ([0.0, 0.0, 0.0], REPRODUCED),
        ([1.0, 1.001, 0.999], NOT_REPRODUCED),
        ([-1.0, -1.001, -0.999], NOT_REPRODUCED),
        ([-0.1, 0.1, 0.0], UNDECIDED),
    ],
)
def test_identity(differences, verdict):
    assert condition(differences=differences, equal_within=1e-10).verdict == verdict


def test_paired_differences_by_name():
    scores = scores_of(new=[0.8, 0.9, 0.7], old=[0.6, 0.7, 0.5])
    found = condition(scores, better="new", than="old", metric="accuracy", at_least=0.1, unit="points")
    assert found.differences == pytest.approx((0.2, 0.2, 0.2))
    assert "20 points" in found.sentence
    assert found.verdict == REPRODUCED


def test_lower_is_better_turns_the_difference():
    scores = scores_of(new=[0.1, 0.1, 0.1], old=[0.3, 0.4, 0.35])
    found = condition(scores, better="new", than="old", metric="accuracy", at_least=0.1, lower_is_better=True)
    assert found.differences == pytest.approx((0.2, 0.3, 0.25))
    worse = condition(scores, better="old", than="new", metric="accuracy", not_worse_by=0.01, lower_is_better=True)
    assert worse.verdict == NOT_REPRODUCED


def test_relative_effects_are_shares_of_the_baseline():
    scores = scores_of(new=[0.05, 0.10, 0.08], old=[0.10, 0.20, 0.16])
    found = condition(
        scores, better="new", than="old", metric="accuracy", at_least=0.25, lower_is_better=True, relative=True
    )
    assert found.differences == pytest.approx((0.5, 0.5, 0.5))
    assert "50%" in found.sentence
    assert "at least 25%" in found.sentence


def test_relative_to_zero_is_undecided_not_a_crash():
    scores = scores_of(new=[0.1, 0.1], old=[0.0, 0.2])
    found = condition(scores, better="new", than="old", metric="accuracy", at_least=0.25, relative=True)
    assert found.verdict == UNDECIDED


GOOD, BAD, OPEN = [0.3, 0.31, 0.32], [-0.3, -0.31, -0.32], [0.0, 0.3, 0.1]


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (GOOD, GOOD, REPRODUCED),
        (GOOD, BAD, NOT_REPRODUCED),
        (GOOD, OPEN, UNDECIDED),
        (OPEN, BAD, NOT_REPRODUCED),
        (OPEN, OPEN, UNDECIDED),
    ],
)
def test_joined_conditions(first, second, verdict):
    found = claim(
        "both hold", all_of=[{"differences": first, "at_least": 0.1}, {"differences": second, "not_worse_by": 0.1}]
    )
    assert found.verdict == verdict
    assert found.sentence.startswith(f"both hold: {verdict}.")


@pytest.mark.parametrize(
    "keywords",
    [
        {"differences": GOOD},
        {"differences": GOOD, "at_least": 0.1, "not_worse_by": 0.1},
        {"differences": GOOD, "at_least": 0.0},
        {"differences": GOOD, "at_least": -0.1},
        {"differences": GOOD, "not_worse_by": -0.1},
        {"differences": GOOD, "at_least": math.nan},
        {"at_least": 0.1},
        {"at_least": 0.1, "better": "new", "than": "old"},
    ],
)
def test_conditions_that_say_too_little_or_too_much(keywords):
    with pytest.raises(ValueError, match=r"condition takes|must be a finite|give differences"):
        condition(scores_of(new=GOOD, old=GOOD), **keywords)


def test_a_claim_is_one_condition_or_a_list():
    with pytest.raises(ValueError, match="one condition"):
        claim("nothing")
    with pytest.raises(ValueError, match="one condition"):
        claim("both", all_of=[{"differences": GOOD, "at_least": 0.1}], differences=GOOD, at_least=0.1)


def test_scores_that_do_not_pair_up_are_named():
    scores = scores_of(new=[0.1, 0.2, 0.3], old=[0.1, 0.2])
    with pytest.raises(ValueError, match=r"'new' ran on seeds \[0, 1, 2\] and 'old' on \[0, 1\]"):
        scores.paired("new", "old", "accuracy")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(KeyError, match="there are: old / accuracy"):
        scores_of(old=[0.1]).by_seed("new", "accuracy")


def test_adding_again_replaces():
    scores = scores_of(new=[0.1])
    scores.add(method="new", seed=0, metric="accuracy", value=0.7)
    assert scores.by_seed("new", "accuracy") == {0: 0.7}


def test_table_shows_mean_and_spread():
    table = scores_of(new=[0.8, 0.9], old=[0.5, 0.5]).table(percent=True)
    assert table.loc["new", "accuracy"] == "85.0 ± 7.1"
    assert scores_of(new=[0.8]).table().loc["new", "accuracy"] == "0.800"


def test_a_claim_survives_its_record_and_is_decided_again():
    made = claim(
        "holds", all_of=[{"differences": GOOD, "at_least": 0.1}, {"differences": [1.0, math.nan], "at_least": 1}]
    )
    row = json.loads(json.dumps(made.to_dict(), allow_nan=False))
    row["verdict"] = row["conditions"][1]["verdict"] = REPRODUCED  # somebody typed a verdict
    again = Claim.from_dict(row)
    assert again.verdict == UNDECIDED
    assert again.sentence == made.sentence


# ------------------------------------------------------------------------------------------------------- simulation


def simulated():
    sys.path.insert(0, str(resources.checkout() / "book"))
    try:
        import verdict_simulation
    finally:
        sys.path.pop(0)
    return verdict_simulation


def test_no_effect_is_hardly_ever_reproduced():
    for seeds in (3, 5):
        shares = simulated().shares(effect=0.0, spread=0.5, seeds=seeds, repetitions=1000)
        assert shares[REPRODUCED] <= 0.01


def test_at_the_threshold_each_side_gets_its_two_and_a_half_percent():
    for seeds in (3, 5):
        shares = simulated().shares(effect=1.0, spread=0.5, seeds=seeds, repetitions=2000)
        for verdict in (REPRODUCED, NOT_REPRODUCED):
            assert shares[verdict] == pytest.approx(0.025, abs=0.0125)


def test_more_seeds_decide_more():
    three, five = (simulated().shares(effect=2.0, spread=0.5, seeds=n, repetitions=1000) for n in (3, 5))
    assert five[REPRODUCED] > three[REPRODUCED] + 0.2
    assert three[NOT_REPRODUCED] == five[NOT_REPRODUCED] == 0.0


def test_shares_agree_with_the_noncentral_t():
    """Power from theory: T = (mean - at_least) / (s / sqrt n) is noncentral t."""
    n, spread = 5, 0.5
    power = 1 - stats.nct.cdf(stats.t.ppf(0.975, n - 1), n - 1, (2.0 - 1.0) / (spread / np.sqrt(n)))
    assert simulated().shares(2.0, spread, n)[REPRODUCED] == pytest.approx(power, abs=0.03)


# ---------------------------------------------------------------------------------------------------------- records


def record(**changes):
    base = {"schema": results.SCHEMA, "slug": "x", "profile": "smoke", "source": "embedded", "code": None}
    return {**base, "scores": [], "claims": [], **changes}


def test_a_record_is_json_with_one_score_a_line():
    rows = [
        {"method": "ü", "seed": 0, "metric": "m", "value": 0.5},
        {"method": "y", "seed": 1, "metric": "m", "value": 1},
    ]
    text = results.record_text(record(scores=rows))
    assert json.loads(text) == record(scores=rows)
    assert sum('"metric"' in line for line in text.splitlines()) == 2
    with pytest.raises(ValueError, match="not JSON compliant"):
        results.record_text(record(scores=[{"value": math.inf}]))


def test_reading_back_what_was_written(tmp_path):
    path = tmp_path / "deep" / "x.json"
    results.write_whole(path, json.dumps(record()))
    assert results.read_record(path)["slug"] == "x"
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ('{"schema": 1, "slug', "not JSON"),
        ("[]", "schema 'list'"),
        (json.dumps({**record(), "schema": 0}), "schema 0"),
        (json.dumps({k: v for k, v in record().items() if k != "scores"}), "'scores' is missing"),
        (json.dumps(record(claims=[{"text": "x"}])), "malformed"),
        (json.dumps(record(scores=[{"method": "x"}])), "malformed"),
        (json.dumps(record(scores=[{"method": "x", "metric": "m", "seed": "one", "value": 1}])), "malformed"),
    ],
)
def test_a_damaged_record_is_named_with_what_to_do(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(results.RecordError, match=message) as caught:
        results.read_record(path)
    assert str(path) in str(caught.value)
    assert "labelbook run --force" in str(caught.value)


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(results.RecordError, match="cannot be read"):
        results.read_record(tmp_path / "none.json")


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    results.write_whole(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        results.write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
