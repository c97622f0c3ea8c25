"""A copy of the book with made-up chapters: what the site must cope with, whichever chapters are written."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labelbook import chapters, results

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("_config.yml", "_toc.yml", "book", "src/labelbook")
HOSTILE = "<script>window.pwned = 1</script> [x](javascript:alert`1`) {raw}`html` $\\frac{1}$ | ``` <img src=x onerror=alert(1)>"
WORD = "Zwetschgenkuchen"  # stands in one chapter and nowhere else

PROSE = """# A stand-in: the label that lies

*A. Author, B. Author* (2024). [Paper](https://arxiv.org/abs/2007.00151), [official code](https://github.com/shengliu66/ELR).
Use it when half of your labels are a {word}.

## The problem: one shirt too many

A classifier $f_\\theta$ sees labels $\\tilde y_i$ that are wrong with probability $\\rho$.

## The idea: pull towards the early guess

$$
\\mathcal{{L}}(\\theta) = -\\frac{{1}}{{n}} \\sum_{{i=1}}^{{n}} \\log p_\\theta(\\tilde y_i \\mid x_i)
  + \\frac{{\\lambda}}{{n}} \\sum_{{i=1}}^{{n}} \\log\\left(1 - \\langle p_\\theta(x_i), t_i \\rangle\\right), \\qquad
  t_i \\leftarrow \\beta\\, t_i + (1 - \\beta)\\, p_\\theta(x_i), \\quad \\text{{for every example that the batch has seen}}
$$

where $t_i$ is the running target. A short one inside a sentence, $$\\beta \\in [0, 1),$$ goes on here.

\\begin{{align}}
a &= b + c \\\\
  &= d
\\end{{align}}

| setting | value | meaning |
|---|---:|---|
| `lam` | 3 | weight of the regulariser, as in the paper, chosen on a validation split of 10% of the noisy labels |
| `beta` | 0.7 | momentum |
"""

EXERCISES = """## Exercises

**1.** Set $\\lambda = 0$. What happens after epoch 10?

<details>
<summary>Solution</summary>

The wrong labels are memorised: $p_\\theta(\\tilde y) \\to 1$. Try

```python
targets = update_targets(targets, index, logits, beta=0.0)
```

- and a list
- with `code`

</details>

## References

1. Liu and others. [Early-Learning Regularization](https://arxiv.org/abs/2007.00151). NeurIPS, 2020.
"""


def _figure() -> str:
    """A small PNG with a white ground, as the chapters have them."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from labelbook import plots

    plots.use_theme()
    figure, axis = plt.subplots(figsize=(6, 3))
    axis.plot([0, 1, 2, 3], [0.2, 0.7, 0.8, 0.82], label="method")
    axis.plot([0, 1, 2, 3], [0.2, 0.7, 0.6, 0.5], label="baseline")
    axis.set_xlabel("epoch")
    axis.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    return base64.b64encode(buffer.getvalue()).decode()


def _table() -> str:
    import pandas as pd

    columns = [f"accuracy at {share}% noise" for share in range(0, 90, 10)]
    rows = {m: ["84.1 ± 0.6"] * len(columns) for m in ("cross-entropy", "early-learning regularisation")}
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("method").to_html()


def notebook(word: str = WORD):
    """An executed chapter with each kind of cell and output that chapters have."""

    def code(source, *outputs, **metadata):
        return new_code_cell(source, outputs=list(outputs), execution_count=1, metadata=metadata)

    def shown(**data):
        return new_output("display_data", data={k.replace("_", "/"): v for k, v in data.items()})

    cells = [
        new_markdown_cell(PROSE.format(word=word)),
        code('profile = "book"\nsource = "embedded"', tags=["parameters"]),
        code(
            'import labelbook\n\nrun = labelbook.start("stand-in", profile, source)',
            new_output(
                "stream", name="stdout", text="stand-in | profile book | data embedded | cpu, threads: 2 | budget\n"
            ),
        ),
        code(
            "def update_targets(targets, index, logits, beta):\n"
            '    """Running targets [N, C] of the examples in `index`, moved towards the predictions (equation 6)."""\n'
            "    probabilities = logits.softmax(-1).clamp(1e-4, 1 - 1e-4).detach()\n"
            "    change = probabilities / probabilities.sum(-1, keepdim=True) - targets[index]  # a long line scrolls\n"
            "    return targets.index_add(0, index, (1 - beta) * change)",
            tags=["method"],
        ),
        new_markdown_cell("## What we measured"),
        code("results.table()", shown(text_html=_table(), text_plain="a table")),
        code(
            "figure",
            shown(image_png=_figure(), text_plain="<Figure>"),
            mystnb={"image": {"alt": "Accuracy against epochs: the method keeps its peak, the baseline decays."}},
        ),
        code(
            'display(Markdown(f"..."))',
            shown(
                text_markdown="The method ends at **84.1%**, against $p = 0.64$ for the baseline:\n\n"
                "$$\\Delta = 20.1$$\n\n- **Reproduced**: it is better.\n",
                text_plain="Markdown",
            ),
        ),
        new_markdown_cell(EXERCISES),
    ]
    made = new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made.metadata["language_info"] = {"name": "python"}
    return made


def record(slug: str, claims: list[results.Claim], method: str = "method") -> dict:
    """A record as `run.save()` writes it."""
    return {
        "schema": results.SCHEMA,
        "slug": slug,
        "profile": "book",
        "source": "embedded",
        "scores": [{"method": method, "seed": s, "metric": "accuracy", "value": 0.8 + s / 100} for s in range(5)],
        "claims": [c.to_dict() for c in claims],
        "fingerprint": {},
        "code": "0123456789abcdef",
        "date": "2026-11-23",
        "device": "Linux x86_64 CPU, 2 cores",
        "threads": 2,
        "versions": {"python": "3.11.2", "torch": "2.14.1+cu130", "numpy": "2.4.0"},
        "cpu_seconds": 301.2,
        "wall_seconds": 170.4,
        "peak_memory_mib": 900,
    }


def claims() -> list[results.Claim]:
    """One claim of each verdict; the last has two conditions."""
    points = {"unit": "points"}
    return [
        results.claim(
            "The method beats its baseline by 5 points", differences=[0.2, 0.21, 0.19], at_least=0.05, **points
        ),
        results.claim("It also beats the stronger baseline", differences=[0.2, -0.1, 0.1], at_least=0.05, **points),
        results.claim(
            "It is calibrated and no slower",
            all_of=[
                {"what": "ECE", "differences": [0.0, 0.001, -0.001], "at_least": 0.05},
                {"what": "speed", "differences": [1.0, 1.1, 0.9], "not_worse_by": 0.5},
            ],
        ),
    ]


def fresh_claims() -> list[results.Claim]:
    """The same on fresh seeds: the first holds, the second cannot be tried, one condition of the third falls."""
    first, second, third = claims()
    ece, speed = third.conditions
    return [
        first,
        results.Claim(second.text, (replace(second.conditions[0], differences=(math.nan, 0.1)),)),
        results.Claim(third.text, (ece, replace(speed, differences=(3.0, 3.1, 2.9)))),
    ]


def hostile_record(slug: str) -> dict:
    """A record whose names carry markup, in every place that reaches a page."""
    claim = results.claim(
        HOSTILE, all_of=[{"what": HOSTILE, "differences": [1.0, 1.1, 0.9], "at_least": 0.5, "unit": HOSTILE}] * 2
    )
    made = record(slug, [claim], method=HOSTILE)
    return {
        **made,
        "device": HOSTILE,
        "date": HOSTILE,
        "source": HOSTILE,
        "versions": {"python": HOSTILE},
        "code": "<b>code",
    }


def spoil_catalogue(path: Path, named: str, planned: str) -> None:
    """Put markup into the entries of two chapters, one with a page and one without, wherever words are free."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    for entry in content["chapters"]:
        if entry["slug"] in (named, planned):
            words = dict.fromkeys(("title", "name", "venue", "claim", "use_when", "licence"), HOSTILE)
            entry.update(words, authors=[HOSTILE], keywords=[HOSTILE], code="javascript:alert(1)")
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def make_tree(folder: Path, root: Path = ROOT) -> list[chapters.Chapter]:
    """Copy the book without its notebooks and records to `folder`, and put made-up pages of its first chapters there.

    Returns:
        Four chapters: one with a record of all verdicts, one with a hostile record and a hostile catalogue entry, one
        that was never run, and one that is planned and has a hostile catalogue entry.
    """
    for name in COPIED:
        source, target = root / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "comparisons"))
        else:
            shutil.copy(source, target)
    chosen = list(chapters.catalogue().chapters[:4])
    good, bad, unrun, planned = chosen
    for chapter in (good, bad, unrun):
        path = folder / chapter.path
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook(WORD if chapter is good else "shirt"), path)
    spoil_catalogue(folder / "book" / "catalogue.yml", bad.slug, planned.slug)
    records = folder / "data" / "results"
    write_records(records, [record(good.slug, claims()), hostile_record(bad.slug)])
    write_records(records, [record(good.slug, fresh_claims()), hostile_record(bad.slug)], "fresh")
    return chosen


def write_records(folder: Path, records: list[dict], profile: str = "book") -> None:
    (folder / profile).mkdir(parents=True, exist_ok=True)
    for made in records:
        (folder / profile / f"{made['slug']}.json").write_text(json.dumps(made), encoding="utf-8")


def environment(folder: Path) -> dict[str, str]:
    """Environment in which Python finds the copy's `labelbook`, and so the copy's catalogue and records."""
    kept = {k: v for k, v in os.environ.items() if k != "LABELBOOK_RESULTS"}
    return {**kept, "PYTHONPATH": str(folder / "src")}
