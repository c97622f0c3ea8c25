"""Scores by method and seed, claims about their paired differences, verdicts, and the record on disk.

A claim is decided by a program. The differences of two methods on the same seeds get a Student-t interval, and the
interval is held against the smallest effect worth having (`at_least`), which is written down before the run:

=================  ==========================================================================================
reproduced         the whole interval is at or above `at_least`
not reproduced     the whole interval is below `at_least` ("smaller than claimed" where it is above 0)
undecided          anything else: the interval straddles `at_least`, one seed only, or a score that is not finite
=================  ==========================================================================================
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

SCHEMA = 1
REPRODUCED, NOT_REPRODUCED, UNDECIDED = "reproduced", "not reproduced", "undecided"
KINDS = ("at least", "not worse by", "equal within")


class RecordError(RuntimeError):
    """A record on disk cannot be used; the message names the file and says what to do."""


# ---------------------------------------------------------------------------------------------------------- scores


class Scores:
    """Every number that a run measured, by method, seed and metric."""

    def __init__(self):
        self._values: dict[tuple[str, str, int], float] = {}

    def add(self, *, method: str, seed: int, metric: str, value: float) -> None:
        """Keep one score. The same key again replaces it, so that a cell may be run twice."""
        self._values[str(method), str(metric), int(seed)] = float(value)

    def by_seed(self, method: str, metric: str) -> dict[int, float]:
        """The scores of `method` on `metric`: seed -> value.

        Raises:
            KeyError: nothing was added under these names; the message lists the ones there are.
        """
        found = {s: v for (m, k, s), v in self._values.items() if m == method and k == metric}
        if not found:
            known = sorted({f"{m} / {k}" for m, k, _ in self._values})
            raise KeyError(
                f"no score of method {method!r} on metric {metric!r}; there are: {', '.join(known) or 'none'}"
            )
        return dict(sorted(found.items()))

    def mean(self, method: str, metric: str) -> float:
        """The mean over seeds."""
        values = self.by_seed(method, metric).values()
        return sum(values) / len(values)

    def sd(self, method: str, metric: str) -> float:
        """The sample standard deviation over seeds (NaN for a single seed)."""
        values = list(self.by_seed(method, metric).values())
        if len(values) < 2:
            return math.nan
        mean = sum(values) / len(values)
        return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))

    def paired(self, better: str, than: str, metric: str) -> list[tuple[float, float]]:
        """Pairs (score of `better`, score of `than`), one a seed.

        Raises:
            ValueError: the two were not run on the same seeds.
        """
        first, second = self.by_seed(better, metric), self.by_seed(than, metric)
        if first.keys() != second.keys():
            raise ValueError(
                f"{metric}: {better!r} ran on seeds {sorted(first)} and {than!r} on {sorted(second)}; "
                "a paired difference needs both on the same seeds"
            )
        return [(first[seed], second[seed]) for seed in first]

    def table(self, metrics: Sequence[str] | None = None, *, percent: bool = False, digits: int | None = None):
        """A pandas table, methods by metrics, of "mean ± sd" in the order in which they were added.

        Args:
            percent: multiply by 100 (for shares and accuracies).
            digits: decimals; 1 for percent, 3 otherwise.
        """
        import pandas as pd

        digits = (1 if percent else 3) if digits is None else digits
        scale = 100 if percent else 1
        methods = dict.fromkeys(m for m, _, _ in self._values)
        metrics = list(metrics or dict.fromkeys(k for _, k, _ in self._values))

        def cell(method, metric):
            if not any(m == method and k == metric for m, k, _ in self._values):
                return ""
            mean, sd = scale * self.mean(method, metric), scale * self.sd(method, metric)
            return f"{mean:.{digits}f}" + ("" if math.isnan(sd) else f" ± {sd:.{digits}f}")

        rows = {m: [cell(m, k) for k in metrics] for m in methods}
        return pd.DataFrame.from_dict(rows, orient="index", columns=metrics).rename_axis("method")

    def to_list(self) -> list[dict]:
        return [
            {"method": m, "seed": s, "metric": k, "value": v if math.isfinite(v) else None}
            for (m, k, s), v in self._values.items()
        ]

    @classmethod
    def from_list(cls, rows: list[dict]) -> Scores:
        scores = cls()
        for row in rows:
            value = row["value"]
            scores.add(
                method=row["method"],
                seed=row["seed"],
                metric=row["metric"],
                value=math.nan if value is None else value,
            )
        return scores


# ------------------------------------------------------------------------------------------------------- intervals


def t_interval(differences: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Student's t interval of the mean of `differences` (n >= 2 finite numbers).

    Raises:
        ValueError: fewer than two numbers, or one that is not finite.
    """
    n = len(differences)
    if n < 2 or not all(math.isfinite(d) for d in differences):
        raise ValueError("an interval needs two or more finite differences")
    from scipy.special import stdtrit

    mean = math.fsum(differences) / n
    sd = math.sqrt(math.fsum((d - mean) ** 2 for d in differences) / (n - 1))
    half = float(stdtrit(n - 1, 0.5 + confidence / 2)) * sd / math.sqrt(n)
    return mean - half, mean + half


# ---------------------------------------------------------------------------------------------------------- claims


@dataclass(frozen=True)
class Condition:
    """One testable part of a claim: differences over seeds held against a threshold.

    `kind` is "at least" (an effect), "not worse by" (non-inferiority: the difference is not below -threshold) or
    "equal within" (the difference lies inside +-threshold). `scale` and `unit` say how to print: 100 and "points" turn
    0.12 into "12.0 points".
    """

    what: str
    differences: tuple[float, ...]
    kind: str
    threshold: float
    unit: str = ""
    scale: float = 1.0
    effect: float | None = field(init=False, default=None)
    interval: tuple[float, float] | None = field(init=False, default=None)
    verdict: str = field(init=False, default=UNDECIDED)
    why: str = field(init=False, default="")

    def __post_init__(self):
        effect, interval, verdict, why = _decide(self.differences, self.kind, self.threshold)
        for name, value in (("effect", effect), ("interval", interval), ("verdict", verdict), ("why", why)):
            object.__setattr__(self, name, value)

    def number(self, value: float) -> str:
        """`value`, in the scores' own units, as the page prints it."""
        value = value * self.scale
        text = f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
        return text + ("" if not self.unit else self.unit if self.unit == "%" else f" {self.unit}")

    @property
    def measured(self) -> str:
        """The effect, its interval and what was needed, in words."""
        needed = {
            "at least": f"needed: at least {self.number(self.threshold)}",
            "not worse by": f"allowed: not more than {self.number(self.threshold)} worse",
            "equal within": f"needed: equal within {self.number(self.threshold)}",
        }[self.kind]
        found = [] if self.effect is None else [self.number(self.effect)]
        if self.interval is not None:
            found.append(f"95% interval {self.number(self.interval[0])} to {self.number(self.interval[1])}")
        found.append(f"{len(self.differences)} seed{'s' * (len(self.differences) != 1)}")
        return f"{', '.join(found)} ({needed})"

    @property
    def sentence(self) -> str:
        """What was compared, what was measured, and the verdict."""
        return f"{self.what}: {self.measured}: {self.verdict}" + (f" ({self.why})" if self.why else "")


def _decide(differences, kind, threshold):
    """(effect, interval, verdict, why) of one condition."""
    if not all(math.isfinite(d) for d in differences):
        return None, None, UNDECIDED, "a score is not finite"
    if not differences:
        return None, None, UNDECIDED, "no seeds"
    effect = math.fsum(differences) / len(differences)
    if len(differences) == 1:
        return effect, None, UNDECIDED, "a single seed gives no verdict"
    low, high = t_interval(differences)
    # 0.1 three times has the mean 0.09999...: a tie that only rounding breaks is still a tie.
    slack = 1e-12 * max(threshold, *map(abs, differences))
    if kind == "equal within":
        inside = -threshold - slack <= low and high <= threshold + slack
        outside = low > threshold + slack or high < -threshold - slack
        verdict = REPRODUCED if inside else NOT_REPRODUCED if outside else UNDECIDED
        return effect, (low, high), verdict, ""
    needed = threshold if kind == "at least" else -threshold
    verdict = REPRODUCED if low >= needed - slack else NOT_REPRODUCED if high < needed - slack else UNDECIDED
    smaller = kind == "at least" and verdict == NOT_REPRODUCED and low > 0
    return effect, (low, high), verdict, "smaller than claimed" if smaller else ""


def condition(
    scores: Scores | None = None,
    *,
    what: str | None = None,
    differences: Sequence[float] | None = None,
    better: str | None = None,
    than: str | None = None,
    metric: str | None = None,
    at_least: float | None = None,
    not_worse_by: float | None = None,
    equal_within: float | None = None,
    lower_is_better: bool = False,
    relative: bool = False,
    unit: str | None = None,
    scale: float | None = None,
) -> Condition:
    """Build a `Condition`, from differences (one number a seed, positive = in favour) or from scores by name.

    Args:
        better, than, metric: take the paired differences `better - than` on `metric` (`than - better` where
            `lower_is_better`).
        relative: divide each difference by the score of `than` ("ECE at least 25% lower" is `at_least=0.25`).
        at_least, not_worse_by, equal_within: exactly one; in the scores' own units (a share for `relative`).
        unit, scale: how to print; `relative` prints per cent by itself.

    Raises:
        ValueError: none or several of the thresholds, `at_least` not above 0, a negative margin, neither differences
            nor names, or seeds that do not pair up.
    """
    kinds = dict(zip(KINDS, (at_least, not_worse_by, equal_within), strict=True))
    given = {kind: value for kind, value in kinds.items() if value is not None}
    if len(given) != 1:
        raise ValueError("a condition takes exactly one of at_least, not_worse_by, equal_within")
    ((kind, threshold),) = given.items()
    if not math.isfinite(threshold) or threshold < 0 or (kind == "at least" and threshold == 0):
        raise ValueError(
            f"{kind.replace(' ', '_')} must be a finite number {'above' if kind == 'at least' else 'from'} 0"
        )
    if differences is None:
        if scores is None or None in (better, than, metric):
            raise ValueError("give differences=[one number a seed], or better=, than= and metric=")
        pairs = scores.paired(better, than, metric)
        differences = [(b - a if lower_is_better else a - b) for a, b in pairs]
        if relative:
            differences = [d / abs(b) if b else math.nan for d, (_, b) in zip(differences, pairs, strict=True)]
        if what is None:
            sense = ("lower" if lower_is_better else "higher") if kind != "equal within" else "difference"
            what = f"{metric} of {better} against {than}" + (f" ({sense})" if kind == "at least" else "")
    if unit is None:
        unit = "%" if relative else ""
    if scale is None:
        scale = 100.0 if unit in ("%", "points") else 1.0
    return Condition(what or "difference", tuple(float(d) for d in differences), kind, float(threshold), unit, scale)


@dataclass(frozen=True)
class Claim:
    """A sentence that the chapter tests, its conditions (joined by "and") and the verdict on all of them."""

    text: str
    conditions: tuple[Condition, ...]

    @property
    def verdict(self) -> str:
        """Reproduced when every condition is, not reproduced when one is not, undecided otherwise."""
        verdicts = {c.verdict for c in self.conditions}
        if verdicts == {REPRODUCED}:
            return REPRODUCED
        return NOT_REPRODUCED if NOT_REPRODUCED in verdicts else UNDECIDED

    @property
    def sentence(self) -> str:
        """The generated text of the verdict."""
        return f"{self.text}: {self.verdict}. " + "; ".join(c.sentence for c in self.conditions) + "."

    def _repr_markdown_(self) -> str:
        lines = [f"**{self.verdict.capitalize()}**: {self.text}.", ""]
        return "\n".join(lines + [f"- {c.sentence}" for c in self.conditions])

    def __repr__(self) -> str:
        return self.sentence

    def to_dict(self) -> dict:
        conditions = [asdict(c) for c in self.conditions]
        for c in conditions:
            c["differences"] = [d if math.isfinite(d) else None for d in c["differences"]]
        return {"text": self.text, "verdict": self.verdict, "conditions": conditions, "sentence": self.sentence}

    @classmethod
    def from_dict(cls, row: dict) -> Claim:
        """Rebuild a claim from a record; the verdict is computed again from the differences, never read.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: the row is none that `to_dict` made.
        """
        conditions = tuple(
            Condition(
                str(c["what"]),
                tuple(math.nan if d is None else float(d) for d in c["differences"]),
                KINDS[KINDS.index(c["kind"])],
                float(c["threshold"]),
                str(c["unit"]),
                float(c["scale"]),
            )
            for c in row["conditions"]
        )
        if not conditions or not all(math.isfinite(c.threshold * c.scale) for c in conditions):
            raise ValueError("a claim needs conditions, and they need finite thresholds")
        return cls(str(row["text"]), conditions)


def claim(text: str, scores: Scores | None = None, *, all_of: Sequence[dict] = (), **single) -> Claim:
    """A claim of one condition (its keywords given directly) or of several (`all_of`, a list of such keywords).

    Raises:
        ValueError: no condition, or both forms at once.
    """
    if bool(all_of) == bool(single):
        raise ValueError("a claim takes one condition's keywords, or all_of=[{...}, {...}]")
    return Claim(text, tuple(condition(scores, **keywords) for keywords in (all_of or [single])))


# --------------------------------------------------------------------------------------------------------- records


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader sees the old file or the new one, never a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def record_text(record: dict) -> str:
    """A record as JSON with one score, one claim, one fact a line: small, and a change shows where it happened.

    Raises:
        ValueError: a number that is not finite, which JSON does not have.
    """

    def line(value) -> str:
        return json.dumps(value, allow_nan=False, ensure_ascii=False)

    def block(value) -> str:
        if not (isinstance(value, list) and value):
            return line(value)
        return "[\n" + ",\n".join(f"  {line(item)}" for item in value) + "\n ]"

    return "{\n" + ",\n".join(f" {line(name)}: {block(value)}" for name, value in record.items()) + "\n}\n"


_NEEDED = {"slug": str, "profile": str, "source": str, "scores": list, "claims": list, "code": (str, type(None))}
_PERHAPS = {"date": str, "device": str, "versions": dict, "fingerprint": dict}
_PERHAPS |= dict.fromkeys(("cpu_seconds", "wall_seconds"), (int, float))


def read_record(path: Path) -> dict:
    """The record in `path`, checked.

    Raises:
        RecordError: the file is damaged, of another schema, or lacks a field; says which file and what to do.
    """
    path = Path(path)
    again = "Delete it and run the chapter again (`labelbook run --force`)."
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror or error}). {again}") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path} is damaged: not JSON ({error}). {again}") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema") if isinstance(record, dict) else type(record).__name__
        raise RecordError(f"{path} has schema {found!r}, this version of labelbook reads {SCHEMA}. {again}")
    for name, kind in [*_NEEDED.items(), *((n, k) for n, k in _PERHAPS.items() if n in record)]:
        if not isinstance(record.get(name, ...), kind):
            raise RecordError(f"{path} is damaged: field {name!r} is missing or of the wrong type. {again}")
    try:
        record["scores"] = Scores.from_list(record["scores"]).to_list()
        for row in record["claims"]:
            Claim.from_dict(row)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RecordError(f"{path} is damaged: a score or a claim is malformed ({error!r}). {again}") from error
    return record
