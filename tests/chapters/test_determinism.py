"""The same seeds give the same scores, bitwise. One chapter a day, in turn; `make determinism` tries all, on other seeds too."""

import datetime

import pytest
from common import RUNNABLE

from labelbook import again, execute, results

TODAYS = RUNNABLE[datetime.date.today().toordinal() % len(RUNNABLE)]


@pytest.mark.parametrize("slug", [TODAYS])
def test_a_second_smoke_run_gives_the_same_scores_bitwise(slug, smoke, tmp_path):
    print(f"Today's chapter: {slug}. The same at any time: make determinism NAME={slug}")
    (outcome,) = execute.run_chapters([slug], "smoke", seconds=300, apart=tmp_path)
    assert outcome.state == "finished", outcome
    repeated = again.repeated(smoke[slug], results.read_record(tmp_path / "smoke" / f"{slug}.json"))
    assert repeated.scores > 0
    assert repeated.furthest == 0, repeated
