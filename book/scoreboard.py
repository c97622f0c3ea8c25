"""The scoreboard: every claim of every finished chapter as one table, and its effects as one picture.

`python book/scoreboard.py` writes `scoreboard.html` (a plain table, which a script makes sortable), `effects.png` with
its alt text, and the table's script and style from the pinned itables, into `book/generated/`.
"""

from __future__ import annotations

import base64
import html
import sys
from dataclasses import dataclass
from importlib import resources as packaged
from pathlib import Path

import make_pages
import matplotlib
import yaml

from labelbook import again, chapters, plots, resources, results
from labelbook.chapters import Catalogue, Chapter, Comparison
from labelbook.results import Claim, Condition

ROOT = Path(__file__).resolve().parents[1]
HEADINGS = ("Part", "Chapter", "Claim", "Verdict", "Effect", "Held on fresh seeds")
HEADINGS += ("Data", "Licence of the data", "Smoke", "Book", "GPU", "Device of the book run")
HELD = {True: "yes", False: "no", None: "untried"}  # "not tried" would be found by a search for "not reproduced"
SHOWN = 3  # conditions of one claim


@dataclass(frozen=True)
class Row:
    """A claim, with the chapter and the record that it comes from."""

    chapter: Chapter | Comparison
    source: str
    claim: Claim
    held: bool | None = None  # on fresh seeds; None where it was not tried with this code
    device: str = "–"  # on which `book` ran


def rows(catalogue: Catalogue) -> list[Row]:
    """All claims in `book` records, in reading order; a chapter's embedded data first, then its other sources."""
    folder, found = resources.results_folder("book"), []
    for chapter in catalogue.runnable:
        for path in sorted(folder.glob(f"{chapter.slug}*.json"), key=lambda p: len(p.name)):
            if path.name.split(".")[0] == chapter.slug:
                record = results.read_record(path)
                claims = map(Claim.from_dict, record["claims"])
                tried = again.stored(chapter.slug) if record["source"] == "embedded" else None
                device = record.get("device", "–")
                found += [Row(chapter, record["source"], claim, held(claim, tried or []), device) for claim in claims]
    return found


def held(claim: Claim, tried: list[again.Held]) -> bool | None:
    """Whether all conditions of a claim held on fresh seeds, or one fell."""
    found = {one.held for one in tried if one.claim == claim.text}
    return False if False in found else True if found == {True} else None


# ----------------------------------------------------------------------------------------------------------- the table


def seconds(slug: str, profile: str, source: str = "embedded") -> float | None:
    """CPU-seconds (wall seconds on a GPU) of a committed run; None where there is none."""
    name = slug if source == "embedded" else f"{slug}.{source}"
    path = resources.results_folder(profile) / f"{name}.json"
    if not path.exists():
        return None
    return results.read_record(path).get("wall_seconds" if profile == "gpu" else "cpu_seconds")


ASKED = {"at least": "≥ ", "not worse by": "≥ −", "equal within": "within ±"}


def effect(condition: Condition, *, named: bool) -> str:
    """One line: what was compared (where a claim has several conditions), the effect, its interval, what was asked."""
    number = condition.number
    found = "no number" if condition.effect is None else number(condition.effect)
    if condition.interval is not None:
        found += f" [{number(condition.interval[0])}, {number(condition.interval[1])}]"
    what = f'<span class="what">{html.escape(condition.what)}: </span>' if named else ""
    asked = f'<span class="asked">(asked: {html.escape(ASKED[condition.kind] + number(condition.threshold))})</span>'
    return f"<div>{what}{html.escape(found)} {asked}</div>"


def order(claim: Claim) -> float:
    """What the column of effects sorts by: the first effect in units of what was asked for."""
    first = claim.conditions[0]
    return (first.effect or 0.0) / (first.threshold or 1.0)


def cell(content: str, order: object = None) -> str:
    return f"<td>{content}</td>" if order is None else f'<td data-order="{html.escape(str(order))}">{content}</td>'


def duration(value: float | None) -> str:
    return cell("–", -1) if value is None else cell(f"{value:.0f} s", f"{value:.1f}")


def data_names(row: Row) -> tuple[str, ...]:
    """The data behind a row: what the catalogue lists beside the chapter's other sources, or the source that was run."""
    if row.source != "embedded":
        return (row.source,)
    folder = resources.results_folder("book")
    others = {p.name.split(".")[1] for p in folder.glob(f"{row.chapter.slug}.*.json")}
    return tuple(name for name in row.chapter.data if name not in others) or row.chapter.data


def effects_cell(claim: Claim) -> str:
    """The first conditions of a claim, and how many more there are."""
    named = len(claim.conditions) > 1
    lines = [effect(c, named=named) for c in claim.conditions[:SHOWN]]
    more = len(claim.conditions) - SHOWN
    return "".join([*lines, f"<div>and {more} more</div>"] if more > 0 else lines)


def table_row(row: Row, part: str, licences: dict[str, str]) -> str:
    slug, names, verdict = row.chapter.slug, data_names(row), row.claim.verdict
    page = f"../{row.chapter.path.removesuffix('.ipynb')}.html"
    terms = dict.fromkeys(licences.get(name, "see the chapter") for name in names)
    cells = [
        cell(html.escape(part)),
        cell(f'<a href="{page}">{html.escape(row.chapter.name)}</a>'),
        cell(html.escape(row.claim.text)),
        cell(make_pages.badge(verdict), make_pages.VERDICTS.index(verdict)),
        cell(effects_cell(row.claim), f"{order(row.claim):.4f}"),
        cell(HELD[row.held], list(HELD).index(row.held)),
        cell(html.escape(", ".join(names))),
        cell(html.escape(", ".join(terms))),
        duration(seconds(slug, "smoke")),
        duration(seconds(slug, "book", row.source)),
        duration(seconds(slug, "gpu")),
        cell(html.escape(row.device)),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def table(found: list[Row], catalogue: Catalogue, licences: dict[str, str]) -> str:
    """The table as HTML; every word of a record is escaped."""
    parts = {part.slug: part.title for part in catalogue.parts} | {Comparison.part: "Comparisons"}
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADINGS)
    body = "\n".join(table_row(row, parts[row.chapter.part], licences) for row in found)
    return (
        '<div class="scoreboard" tabindex="0" role="region" aria-label="Scoreboard">\n'
        f'<table id="claims" class="table"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n'
        '<link rel="stylesheet" href="../_static/datatables.css">\n'
        '<script src="../_static/datatables.js"></script>\n<script src="../_static/scoreboard.js"></script>\n'
    )


# --------------------------------------------------------------------------------------------------------- the picture


def effects(found: list[Row], path: Path) -> str:
    """Draw every condition's effect and interval in units of its threshold; returns the alt text.

    1 is what was asked for. Conditions of non-inferiority and equality are in units of their margin: left of -1 the
    method is worse than was allowed.
    """
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plots.use_theme()
    lines = [(row, c) for row in found for c in row.claim.conditions if c.interval is not None and c.threshold > 0]
    colours = dict(zip(make_pages.VERDICTS, (plots.COLOURS[2], "0.45", plots.COLOURS[3]), strict=True))
    figure, axis = plt.subplots(figsize=(8, 0.8 + 0.2 * len(lines)))
    labels, last = [], None
    for y, (row, c) in enumerate(lines):
        low, high = (max(-4.0, min(4.0, v / c.threshold)) for v in c.interval)
        middle = max(-4.0, min(4.0, c.effect / c.threshold))
        axis.plot([low, high], [y, y], color=colours[c.verdict], lw=1.5)
        axis.plot(middle, y, marker="o" if c.kind == "at least" else "s", color=colours[c.verdict], ms=4)
        name = row.chapter.name + ("" if row.source == "embedded" else f" ({row.source})")
        labels.append(name if name != last else "")
        last = name
    for x in (-1, 1):
        axis.axvline(x, color="0.7", lw=0.8, ls="--")
    axis.axvline(0, color="0.3", lw=0.8)
    axis.set(xlim=(-4.1, 4.1), ylim=(len(lines) - 0.5, -0.5), xlabel="effect / what was asked for (cut at 4)")
    axis.set_yticks(range(len(lines)), labels, fontsize=7, parse_math=False)
    for verdict, colour in colours.items():
        axis.plot([], [], color=colour, marker="o", ms=4, label=verdict)
    axis.legend(
        fontsize=7, loc="upper left", bbox_to_anchor=(0, -60 / (60 + 14.4 * len(lines))), ncols=3, frameon=False
    )
    figure.savefig(path, dpi=150, bbox_inches="tight")
    plt.close(figure)
    return (
        "Forest plot of all conditions, one line each with its 95% interval, in units of what was asked for: "
        "dashed lines stand at minus one and one."
    )


# ---------------------------------------------------------------------------------------------------------------- main


def ship_datatables(folder: Path) -> None:
    """The script and style of DataTables, as itables packs them, in a form that also loads from the disk.

    A browser imports no module from `file://`; it does import one from a data address.
    """
    packed = packaged.files("itables").joinpath("html")
    module = base64.b64encode(packed.joinpath("dt_bundle.js").read_bytes()).decode()
    make_pages.write_if_changed(
        folder / "datatables.js", f'window.datatables = import("data:text/javascript;base64,{module}");\n'
    )
    make_pages.write_if_changed(folder / "datatables.css", packed.joinpath("dt_bundle.css").read_text(encoding="utf-8"))


def make(root: Path = ROOT) -> None:
    catalogue = chapters.catalogue()
    licences = yaml.safe_load((root / "book" / "data-licences.yml").read_text(encoding="utf-8"))
    generated, static = root / "book" / "generated", root / "book" / "generated" / "static"
    static.mkdir(parents=True, exist_ok=True)
    found = rows(catalogue)
    make_pages.write_if_changed(generated / "scoreboard.html", table(found, catalogue, licences))
    alt = effects(found, generated / "effects.png") if found else ""
    picture = (
        f"```{{image}} generated/effects.png\n:alt: {alt}\n:width: 100%\n```\n" if found else "Nothing measured yet.\n"
    )
    make_pages.write_if_changed(generated / "effects.md", picture)
    ship_datatables(static)


if __name__ == "__main__":
    try:
        make()
    except (chapters.CatalogueError, results.RecordError, resources.DataError) as error:
        sys.exit(f"scoreboard: {error}")
