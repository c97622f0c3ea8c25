"""Chapters run again: on the same seeds the scores must be the same, on fresh seeds the effects must hold, and under
exaggerated rounding it shows which losses another machine must get.

Fresh seeds are compared by prediction: the mean of new differences falls into the prediction interval of the old ones 19
times in 20, if nothing but chance tells them apart. (A confidence interval is about the true mean and is too narrow for
that: with three seeds it would fail one correct result in ten.) The conditions of a claim share the one chance in 20: each
of k has 1/20k, so that a claim of many conditions does not fall more often by chance than a claim of one.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import chapters, execute, resources, results

OFFSET = 10_000  # fresh seeds are the old ones plus this


class AgainError(RuntimeError):
    """There is no record to compare with, or the chapter did not run; the message says which and what to do."""


def prediction_interval(
    differences: Sequence[float], count: int, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Where the mean of `count` new differences falls, drawn like `differences`; None for fewer than two of them.

    The mean plus or minus t * sd * sqrt(1/n + 1/count), Student's t with n - 1 degrees of freedom.
    """
    n = len(differences)
    if n < 2 or count < 1 or not all(math.isfinite(d) for d in differences):
        return None
    low, high = results.t_interval(differences, confidence)
    half = (high - low) / 2 * math.sqrt(1 + n / count)
    return (low + high) / 2 - half, (low + high) / 2 + half


@dataclass(frozen=True)
class Held:
    """A condition of a claim and the same condition measured on fresh seeds (None where it was not measured there)."""

    claim: str
    condition: results.Condition
    fresh: results.Condition | None
    among: int = 1  # conditions of the claim

    @property
    def predicted(self) -> tuple[float, float] | None:
        if self.fresh is None:
            return None
        return prediction_interval(self.condition.differences, len(self.fresh.differences), 1 - 0.05 / self.among)

    @property
    def held(self) -> bool | None:
        """Whether the fresh mean lies in the prediction interval; None where there is nothing to compare."""
        if self.predicted is None or self.fresh.effect is None:
            return None
        slack = 1e-12 * max(1.0, *map(abs, self.predicted))  # an effect that never varies is predicted exactly
        return self.predicted[0] - slack <= self.fresh.effect <= self.predicted[1] + slack

    def __str__(self):
        if self.held is None:
            return f"?     {self.claim}: {self.condition.what}: nothing to compare"
        low, high, found = map(self.condition.number, (*self.predicted, self.fresh.effect))
        word = "held " if self.held else "FELL "
        return f"{word} {self.claim}: {self.condition.what}: predicted {low} to {high}, found {found}"


def compare(record: dict, fresh: dict) -> list[Held]:
    """Every condition of every claim of a record, held against the one in the same place of the fresh record."""

    def conditions(record):
        claims = map(results.Claim.from_dict, record["claims"])
        return {
            (claim.text, place, len(claim.conditions)): c
            for claim in claims
            for place, c in enumerate(claim.conditions)
        }

    again = conditions(fresh)
    return [Held(key[0], condition, again.get(key), key[2]) for key, condition in conditions(record).items()]


def stored(slug: str) -> list[Held] | None:
    """The comparison with the fresh run on disk; None where there is none, or only one of other code.

    Raises:
        RecordError: a record is damaged.
    """
    paths = [resources.results_folder(folder) / f"{slug}.json" for folder in ("book", "fresh")]
    if not all(path.exists() for path in paths):
        return None
    record, fresh = map(results.read_record, paths)
    return compare(record, fresh) if record["code"] == fresh["code"] else None


def pooled(draws: dict[int, dict]) -> dict:
    """One record of a chapter's runs on several ranges of seeds: their scores and differences side by side.

    Args:
        draws: the records by the offset of their seeds.

    Raises:
        AgainError: the runs are not all of the same code, or did not test the same claims.
    """
    first, *others = records = [draws[offset] for offset in sorted(draws)]
    if not others:
        return first
    asked = [[(row["text"], len(row["conditions"])) for row in record["claims"]] for record in records]
    if any(record["code"] != first["code"] for record in others) or any(claims != asked[0] for claims in asked):
        raise AgainError(f"the runs of {first['slug']} are not of the same code. Run `labelbook fresh --force` again.")
    claims = []
    for rows in zip(*(record["claims"] for record in records), strict=True):
        conditions = [results.Claim.from_dict(row).conditions for row in rows]
        together = [
            replace(same[0], differences=tuple(d for condition in same for d in condition.differences))
            for same in zip(*conditions, strict=True)
        ]
        claims.append(results.Claim(rows[0]["text"], tuple(together)).to_dict())
    scores = [{**row, "seed": row["seed"] + offset} for offset in sorted(draws) for row in draws[offset]["scores"]]
    spent = {name: sum(record[name] for record in records) for name in ("cpu_seconds", "wall_seconds") if name in first}
    return {**first, **spent, "scores": scores, "claims": claims, "draws": len(draws)}


def fresh(
    slugs=(),
    *,
    draws: int = 1,
    jobs: int = 1,
    seconds: float | None = None,
    force: bool = False,
    scheduler: str | None = None,
    notify: Callable[[execute.Outcome], None] = lambda outcome: None,
) -> dict[str, list[Held] | AgainError]:
    """Run the `book` profile of chapters on seeds that were never used, and hold each claim against what was predicted.

    The fresh records are kept in `data/results/fresh/`, each as soon as its chapter is done; those of the current code are
    not made again, unless `force`. The notebooks stay as they are; executed copies go to `build/fresh/`.

    Args:
        draws: how often each chapter runs, each time on other seeds; the draws are jobs of their own, and their differences
            are pooled. One that fails leaves the others as they are.
        scheduler: the address of a Dask cluster that runs them.

    Raises:
        AgainError: a chapter has no current `book` record to compare with; nothing was started.
        ClusterError: the cluster cannot be used; nothing was started.
    """
    chosen = _chosen(slugs)
    for chapter in chosen:
        state = chapters.state(chapter)
        if state != "current":
            raise AgainError(f"{chapter.slug} is {state}. Run `labelbook run {chapter.slug} --profile book` first.")
    found, apart = {}, execute.needs_checkout() / "build" / "fresh"
    offsets = [OFFSET * (i + 1) for i in range(draws)]
    folders = {offset: apart / str(offset) / "book" if draws > 1 else apart / "book" for offset in offsets}
    finished: dict[str, dict[int, dict]] = {}

    def keep(outcome: execute.Outcome) -> None:
        if outcome.state == "finished":
            ours = finished.setdefault(outcome.slug, {})
            ours[outcome.offset] = results.read_record(folders[outcome.offset] / f"{outcome.slug}.json")
            try:
                record = pooled(ours)
            except AgainError as error:
                found[outcome.slug] = error
            else:
                results.write_whole(
                    resources.results_folder("fresh") / f"{outcome.slug}.json", results.record_text(record)
                )
        elif outcome.state in ("failed", "interrupted"):
            found[outcome.slug] = AgainError(str(outcome))
        notify(outcome)

    waiting = [c.slug for c in chosen if force or stored(c.slug) is None or _drawn(c.slug) < draws]
    if waiting:
        execute.run_chapters(
            waiting,
            "book",
            jobs=jobs,
            seconds=seconds,
            notify=keep,
            apart=apart,
            seed_offsets=offsets,
            scheduler=scheduler,
        )
    for chapter in chosen:
        if chapter.slug not in found:
            held = stored(chapter.slug)
            changed = AgainError(f"{chapter.slug} was edited or run anew meanwhile. Run `labelbook fresh` again.")
            found[chapter.slug] = changed if held is None else held
    return {c.slug: found[c.slug] for c in chosen}


def _drawn(slug: str) -> int:
    """How many draws are in the fresh record on disk."""
    return results.read_record(resources.results_folder("fresh") / f"{slug}.json").get("draws", 1)


@dataclass(frozen=True)
class Repeated:
    """A chapter run twice on the same seeds and once on others."""

    slug: str
    scores: int
    furthest: float  # the largest relative difference of a score between the two runs on the same seeds; 0 is bitwise
    changed: int  # scores that other seeds changed

    @property
    def well(self) -> bool:
        return self.furthest == 0 and self.changed > 0

    def __str__(self):
        same = "bitwise the same" if self.furthest == 0 else f"off by up to {self.furthest:.2g}"
        return f"{self.slug}: on the same seeds {same}; other seeds change {self.changed} of {self.scores} scores"


def repeat(
    slugs=(),
    profile: str = "smoke",
    *,
    jobs: int = 1,
    seconds: float | None = None,
    notify: Callable[[execute.Outcome], None] = lambda outcome: None,
) -> dict[str, Repeated | AgainError]:
    """Run chapters twice on the same seeds and once on others, and compare the scores; what depends on the clock is left out."""
    chosen, runs, failed = [chapter.slug for chapter in _chosen(slugs)], [], {}
    for offset in (0, 0, OFFSET):
        with tempfile.TemporaryDirectory(prefix="labelbook-again-") as folder:
            outcomes = execute.run_chapters(
                chosen, profile, jobs=jobs, seconds=seconds, notify=notify, apart=Path(folder), seed_offsets=(offset,)
            )
            failed |= {o.slug: AgainError(str(o)) for o in outcomes if o.state != "finished"}
            finished = [slug for slug in chosen if slug not in failed]
            runs.append({slug: results.read_record(Path(folder) / profile / f"{slug}.json") for slug in finished})
        if any(o.state == "interrupted" for o in outcomes):
            break
    return {slug: failed.get(slug) or repeated(*(records[slug] for records in runs)) for slug in chosen}


# Words in the names of scores that a clock made.
TIMED = re.compile(r"\b(seconds?|times?|costs?|speed|slower|faster)\b")


def repeated(first: dict, second: dict, other: dict | None = None) -> Repeated:
    """Compare the scores of two records of one chapter on the same seeds, and of one on other seeds."""

    def scores(record):
        named = {(row["method"], row["metric"], row["seed"]): row["value"] for row in record["scores"]}
        return {key: value for key, value in named.items() if not TIMED.search(f"{key[0]} {key[1]}")}

    def apart(a: float | None, b: float | None) -> float:
        if a == b:
            return 0.0
        return math.inf if None in (a, b) else abs(a - b) / max(abs(a), abs(b))

    slug, first, second = first["slug"], scores(first), scores(second)
    other = scores(other) if other else {}
    furthest = math.inf
    if first.keys() == second.keys():
        furthest = max((apart(first[key], second[key]) for key in first), default=0.0)
    changed = sum(first[key] != value for key, value in other.items() if key in first)
    return Repeated(slug, len(first), furthest, changed)


def mark_steady(
    slugs=(),
    *,
    jobs: int = 1,
    seconds: float | None = None,
    notify: Callable[[execute.Outcome], None] = lambda outcome: None,
) -> dict[str, dict[str, int] | AgainError]:
    """Run chapters in `smoke` under jitter, and write into their records which of the first losses any machine must get.

    Returns:
        For each chapter the number of steady losses of each method, or why there is none.

    Raises:
        AgainError: a chapter has no current `smoke` record; nothing was started.
    """
    from . import rounding  # imports torch

    chosen, found = [chapter.slug for chapter in _chosen(slugs)], {}
    for slug in chosen:
        if (state := chapters.state(chapters.catalogue()[slug], "smoke")) != "current":
            raise AgainError(f"{slug} is {state} in smoke. Run `labelbook run {slug} --profile smoke` first.")
    with tempfile.TemporaryDirectory(prefix="labelbook-again-") as folder:
        outcomes = execute.run_chapters(
            chosen, "smoke", jobs=jobs, seconds=seconds, notify=notify, apart=Path(folder), jitter=rounding.AMOUNT
        )
        for outcome in outcomes:
            if outcome.state != "finished":
                found[outcome.slug] = AgainError(str(outcome))
                continue
            path = resources.results_folder("smoke") / f"{outcome.slug}.json"
            record, other = results.read_record(path), results.read_record(Path(folder) / "smoke" / path.name)
            record["steady"] = found[outcome.slug] = {
                method: rounding.steady_steps(losses, other["fingerprint"][method])
                for method, losses in record["fingerprint"].items()
            }
            results.write_whole(path, results.record_text(record))
    return found


def _chosen(slugs) -> Sequence[chapters.Chapter | chapters.Comparison]:
    catalogue = chapters.catalogue()
    return [catalogue[slug] for slug in dict.fromkeys(slugs)] or catalogue.runnable
