"""How often a true effect gets each verdict: the numbers and the picture of the page "How to read a verdict".

Run as `python book/verdict_simulation.py`; writes into `book/generated/`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from labelbook.results import NOT_REPRODUCED, REPRODUCED, UNDECIDED, condition

VERDICTS = (REPRODUCED, UNDECIDED, NOT_REPRODUCED)
SEEDS = (3, 5)
EFFECTS = {"0": 0.0, "half of what is needed": 0.5, "just what is needed": 1.0, "twice what is needed": 2.0}
SPREADS = {"small (a quarter)": 0.25, "medium (a half)": 0.5, "large (as large as the effect)": 1.0}
REPETITIONS = 2_000


def shares(effect: float, spread: float, seeds: int, repetitions: int = REPETITIONS, seed: int = 0) -> dict[str, float]:
    """Share of each verdict over repeated experiments with paired differences drawn from N(effect, spread^2).

    Everything is in units of `at_least`, which is 1 here.
    """
    draws = np.random.default_rng(seed).normal(effect, spread, (repetitions, seeds))
    verdicts = [condition(differences=row, at_least=1.0).verdict for row in draws]
    return {verdict: verdicts.count(verdict) / repetitions for verdict in VERDICTS}


def rows() -> list[tuple[str, str, int, dict[str, float]]]:
    """Every setting of the page: (true effect, spread, number of seeds, shares of the verdicts)."""
    return [
        (effect, spread, n, shares(EFFECTS[effect], SPREADS[spread], n))
        for effect in EFFECTS
        for spread in SPREADS
        for n in SEEDS
    ]


def table(found) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| true effect | spread over seeds | seeds | " + " | ".join(VERDICTS) + " |",
        "|---|---|---|---:|---:|---:|",
    ]
    for effect, spread, n, verdicts in found:
        lines.append(f"| {effect} | {spread} | {n} | " + " | ".join(f"{verdicts[v]:.0%}" for v in VERDICTS) + " |")
    return "\n".join(lines) + "\n"


def picture(found, path: Path) -> None:
    """Stacked bars of the settings with the medium spread."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from labelbook import plots

    plots.use_theme()
    medium = [row for row in found if row[1].startswith("medium")]
    labels = [f"{effect}, {n} seeds" for effect, _, n, _ in medium]
    colours = (plots.COLOURS[2], "0.85", plots.COLOURS[3])
    figure, axis = plt.subplots(figsize=(7.5, 3.6))
    left = np.zeros(len(medium))
    for verdict, colour in zip(VERDICTS, colours, strict=True):
        width = np.array([100 * row[3][verdict] for row in medium])
        axis.barh(labels, width, left=left, color=colour, label=verdict)
        left += width
    axis.invert_yaxis()
    axis.set_xlabel("share of experiments (%)")
    figure.suptitle("True effect, and the verdict that it gets", x=0.02, ha="left")
    axis.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.4, -0.2))
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    folder = Path(__file__).parent / "generated"
    folder.mkdir(exist_ok=True)
    found = rows()
    (folder / "verdict-simulation.md").write_text(table(found), encoding="utf-8")
    picture(found, folder / "verdict-simulation.png")


if __name__ == "__main__":
    main()
