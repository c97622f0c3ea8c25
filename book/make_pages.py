"""Everything on the site that derives from the catalogue and the records: contents, parts, cards, counts, bibliography.

Run as `python book/make_pages.py`. Writes `_toc.yml`, the pieces in `book/generated/` that the pages include, and the
pages of the parts in `parts/`, each from its opening in `book/parts/`.
`--check` writes nothing and says whether the committed `_toc.yml` is the one that the catalogue asks for.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import re
import string
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import yaml
from docutils import nodes
from PIL import Image

from labelbook import chapters, resources, results, teaching
from labelbook.chapters import Catalogue, Chapter, Part
from labelbook.results import Claim, Condition

ROOT = Path(__file__).resolve().parents[1]
VERDICTS = (results.REPRODUCED, results.UNDECIDED, results.NOT_REPRODUCED)
# A sign beside the word: nobody has to tell colours apart.
SIGNS = {results.REPRODUCED: "✓", results.UNDECIDED: "?", results.NOT_REPRODUCED: "✗"}
MENTION = re.compile(r"\{\{(.*?)\}\}")  # how an opening names a chapter: {{nacl}}
SHOWN_CONDITIONS = 3  # of a claim, in the table of a part
HERO = "confident-learning"
JOURNAL = re.compile(r"Transactions|Journal|Analysis|Systems")
Records = dict[str, list[Claim]]


class OpeningError(ValueError):
    """The opening of a part is missing or names a chapter that there is not; the message says which file."""


# ---------------------------------------------------------------------------------------------------------- escaping


def text(value: object) -> str:
    """`value` as Markdown that shows exactly its characters, on one line.

    A backslash before ASCII punctuation makes it a plain character, so that HTML, links, roles, formulas and fences
    that hide in a name stay words.
    """
    words = " ".join(str(value).split())
    return "".join("\\" + c if c in string.punctuation else c for c in words)


def link(words: str, url: str | None) -> str:
    """A Markdown link to an outside page; only the words where the address is not a plain https one."""
    if url is None or not re.fullmatch(r"https://[^\s<>]+", url):
        return text(words)
    return f"[{text(words)}](<{quote(url, safe=':/?#=&%+,;@~')}>)"


def bibtex(value: object) -> str:
    """`value` as the inside of a BibTeX field."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    words = " ".join(str(value).split())
    return "".join(special.get(c, "\\" + c if c in "{}&%$#_" else c) for c in words)


# ---------------------------------------------------------------------------------------------------------- contents


def contents(catalogue: Catalogue) -> str:
    """`_toc.yml`: each part's page and written chapters in the catalogue's order, comparisons, the pages about the book."""
    groups = {
        part.title: [
            f"parts/{part.slug}",
            *(c.path.removesuffix(".ipynb") for c in catalogue.of_part(part.slug) if c.written),
        ]
        for part in catalogue.parts
    }
    groups["Comparisons"] = [c.path.removesuffix(".ipynb") for c in catalogue.comparisons if c.written]
    groups["Find and teach"] = ["book/problems", "book/teaching", "book/glossary", "book/notation"]
    about = ("scoreboard", "measuring", "verdicts", "benchmarks", "changes", "references")
    groups["About"] = [f"book/{page}" for page in about]
    lines = [
        "# Made by `python book/make_pages.py` from the catalogue and the notebooks that there are; do not edit.",
        "format: jb-book",
        "root: book/index",
        "parts:",
    ]
    for title, files in groups.items():
        if not files:
            continue
        lines += [f"  - caption: {json.dumps(title, ensure_ascii=False)}", "    chapters:"]
        for file in files:
            lines.append(f"      - file: {file}")
            if file.startswith("parts/"):  # in the sidebar the part's title stands above it already
                lines.append("        title: Overview")
    return "\n".join(lines) + "\n"


# ------------------------------------------------------------------------------------------------------------- cards


def read_records(catalogue: Catalogue) -> Records:
    """The claims of every written chapter and comparison that has a `book` record.

    Raises:
        RecordError: a record on disk is damaged.
    """
    folder = resources.results_folder("book")
    paths = {c.slug: folder / f"{c.slug}.json" for c in catalogue.runnable}
    return {
        slug: [Claim.from_dict(row) for row in results.read_record(path)["claims"]]
        for slug, path in paths.items()
        if path.exists()
    }


def badge(verdict: str) -> str:
    """A verdict as sign and word on a coloured ground."""
    return f'<span class="verdict {verdict.replace(" ", "-")}">{SIGNS[verdict]} {verdict}</span>'


def measured(condition: Condition, *, named: bool) -> str:
    """Effect, interval and threshold of a condition in words; `named` says first what was compared."""
    return text(f"{condition.what}: {condition.measured}" if named else condition.measured)


def tally(claims: list[Claim]) -> str:
    """How often each verdict was given, as badges: sign and number to see, the word for those who listen."""
    count = Counter(claim.verdict for claim in claims)
    return " ".join(
        f'<span class="verdict {v.replace(" ", "-")}">{SIGNS[v]} {count[v]}<span class="heard"> {v}</span></span>'
        for v in VERDICTS
        if count[v]
    )


def paper(chapter: Chapter) -> str:
    return f"*{text(chapter.title)}* ({chapter.year})"


def chapter_item(chapter: Chapter, claims: list[Claim] | None) -> str:
    """A chapter in the list of its part: name, paper, and how many of its claims came out which way."""
    if not chapter.written:
        return f'- {text(chapter.name)}: {paper(chapter)} <span class="measured">planned</span>'
    found = "*not run yet*" if claims is None else tally(claims)
    return f"- [**{text(chapter.name)}**](../{chapter.path}): {paper(chapter)} {found}"


def chapter_sections(catalogue: Catalogue, records: Records) -> str:
    """One section a part: its chapters, the finished ones first."""
    blocks = []
    for part in catalogue.parts:
        members = sorted(catalogue.of_part(part.slug), key=lambda c: not c.written)
        items = "\n".join(chapter_item(c, records.get(c.slug)) for c in members)
        blocks.append(f"(part-{part.slug})=\n### [{text(part.title)}](../parts/{part.slug}.md)")
        blocks.append(f":::{{div}} chapters\n{items}\n:::")
    return "\n\n".join(blocks) + "\n"


@dataclass(frozen=True)
class Picture:
    """A figure of a chapter: PNG bytes and what it shows."""

    png: bytes
    alt: str


def comparison_cards(catalogue: Catalogue) -> str:
    """The written comparisons: the question, and the chapters whose methods meet."""
    cards = [
        f":::{{grid-item-card}} [{text(c.title)}](../{c.path})\n:class-card: chapter\n{text(c.question)}\n\n"
        f"Compares {', '.join(named(catalogue[slug]) for slug in c.compares)}.\n:::"
        for c in catalogue.comparisons
        if c.written
    ]
    return "::::{grid} 1 1 2 3\n:gutter: 3\n\n" + "\n\n".join(cards) + "\n::::\n" if cards else "*None yet.*\n"


def figure(chapter: Chapter) -> Picture | None:
    """The figure that stands for a chapter: of the cell tagged `thumbnail`, else the first; None where there is none."""
    found = []
    for cell in chapters.read_notebook(chapter.notebook())["cells"]:
        metadata = cell["metadata"]
        for output in cell.get("outputs", []):
            png = output.get("data", {}).get("image/png")
            if png:
                alt = metadata.get("mystnb", {}).get("image", {}).get("alt", f"A figure of the chapter {chapter.name}")
                chosen = "thumbnail" in metadata.get("tags", [])
                found.append((not chosen, Picture(base64.b64decode("".join(png)), alt)))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def thumbnail(picture: Picture, path: Path, width: int = 480) -> None:
    """Write the picture in `width` pixels, on white."""
    image = Image.open(io.BytesIO(picture.png)).convert("RGBA")
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    small = ground.convert("RGB").resize((width, round(width * image.height / image.width)), Image.LANCZOS)
    out = io.BytesIO()
    small.quantize(128).save(out, "PNG", optimize=True)
    if not path.exists() or path.read_bytes() != out.getvalue():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(out.getvalue())


def hero(catalogue: Catalogue) -> tuple[Chapter, Picture] | None:
    """The chapter whose figure opens the book: `HERO`, else the first that has a figure."""
    for chapter in sorted(catalogue.written, key=lambda c: c.slug != HERO):
        picture = figure(chapter)
        if picture:
            return chapter, picture
    return None


def hero_figure(chapter: Chapter, picture: Picture) -> str:
    """The opening figure with its chapter's claim as the caption."""
    return (
        f"```{{image}} generated/thumbs/hero.png\n:alt: {' '.join(picture.alt.split())}\n:class: hero\n```\n\n"
        f":::{{div}} measured\nFrom the chapter {named(chapter)}. {text(chapter.claim)}\n:::\n"
    )


def part_figures(catalogue: Catalogue) -> dict[str, Picture]:
    """One figure a part, of its first written chapter that has one."""
    found = {}
    for part in catalogue.parts:
        pictures = (figure(c) for c in catalogue.of_part(part.slug) if c.written)
        first = next((p for p in pictures if p), None)
        if first:
            found[part.slug] = first
    return found


def part_cards(catalogue: Catalogue, figures: dict[str, Picture]) -> str:
    """The nine parts at a glance, each linked to its page, with a figure of one of its chapters."""
    cards = []
    for part in catalogue.parts:
        of_part = catalogue.of_part(part.slug)
        finished = sum(c.written for c in of_part)
        shown = figures.get(part.slug)
        image = (
            f":img-top: generated/thumbs/{part.slug}.png\n:img-alt: {' '.join(shown.alt.split())}\n" if shown else ""
        )
        cards.append(
            f"::::{{grid-item-card}} [{text(part.title)}](../parts/{part.slug}.md)\n:class-card: part\n{image}"
            f"{text(part.about)}\n:::{{card-footer}}\n{finished} of {len(of_part)} chapters finished\n:::\n::::"
        )
    return ":::::{grid} 1 2 2 3\n:gutter: 3\n\n" + "\n\n".join(cards) + "\n:::::\n"


def counts(catalogue: Catalogue, records: Records) -> str:
    """How far the book is, in one paragraph."""
    finished = len(catalogue.written)
    verdicts = Counter(claim.verdict for claims in records.values() for claim in claims)
    found = ", ".join(f"{verdicts[v]} {badge(v)}" for v in VERDICTS)
    chapters_so_far = (
        f"**{finished} chapter{'s' * (finished != 1)} finished, {len(catalogue.chapters) - finished} planned.**"
    )
    compared = sum(c.written for c in catalogue.comparisons)
    comparisons = f" {compared} comparison{'s' * (compared != 1)} between them." if compared else ""
    return f"{chapters_so_far}{comparisons} Claims tested so far: {found}.\n"


# ------------------------------------------------------------------------------------------------------------- parts


def read_opening(root: Path, slug: str) -> str:
    """The opening of a part, as it was written.

    Raises:
        OpeningError: there is no such file.
    """
    path = root / "book" / "parts" / f"{slug}.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise OpeningError(f"the part {slug!r} has no opening: {path} cannot be read ({error.strerror})") from error


def mention(chapter: Chapter) -> str:
    """A chapter in running text: a link where there is a page, else its name."""
    return f"[{text(chapter.name)}](../{chapter.path})" if chapter.written else text(chapter.name)


def opening(words: str, slug: str, catalogue: Catalogue) -> str:
    """An opening with every `{{chapter}}` filled in.

    Raises:
        OpeningError: it names a chapter that is not in the catalogue.
    """

    def fill(found: re.Match) -> str:
        try:
            return mention(catalogue[found[1]])
        except chapters.UnknownChapter as error:
            raise OpeningError(f"book/parts/{slug}.md: {error}") from error

    return MENTION.sub(fill, words).strip()


def when_to_use(chapter: Chapter) -> str:
    """A chapter in the list of its part: its name and the reader whom it helps."""
    return f"- {mention(chapter)}{'' if chapter.written else ' (planned)'}: {text(chapter.use_when)}"


def measured_row(chapter: Chapter, claim: Claim) -> str:
    """A row of the table "measured so far". Of many conditions it shows the ones that decide the verdict first."""
    conditions = sorted(claim.conditions, key=lambda c: c.verdict != claim.verdict)  # sorting keeps the order of equals
    found = [measured(c, named=len(conditions) > 1) for c in conditions[:SHOWN_CONDITIONS]]
    if len(conditions) > SHOWN_CONDITIONS:
        found.append(f"*and {len(conditions) - SHOWN_CONDITIONS} more in the chapter*")
    return f"| {mention(chapter)} | {text(claim.text)} | {'<br>'.join(found)} | {badge(claim.verdict)} |"


def measured_so_far(members: list[Chapter], records: Records) -> str:
    """Every tested claim of a part with its effect, interval and verdict; in words what has none yet."""
    rows = [measured_row(c, claim) for c in members for claim in records.get(c.slug, [])]
    blocks = []
    if rows:
        head = "| chapter | claim | effect and interval | verdict |\n|---|---|---|---|\n"
        blocks.append(":::{div} claims\n" + head + "\n".join(rows) + "\n:::")
        blocks.append("[How to read a verdict](../book/verdicts.md).")
    unrun = [mention(c) for c in members if c.written and c.slug not in records]
    if unrun:
        blocks.append(f"Written and not run yet: {', '.join(unrun)}.")
    planned = [mention(c) for c in members if not c.written]
    if planned:
        blocks.append(f"Planned, so nothing is measured yet: {', '.join(planned)}.")
    return "\n\n".join(blocks)


def part_page(part: Part, words: str, catalogue: Catalogue, records: Records) -> str:
    """The page of a part: its opening, its chapters, and what they have measured."""
    members = catalogue.of_part(part.slug)
    return "\n\n".join(
        [
            f"# {text(part.title)}",
            opening(words, part.slug, catalogue),
            "## The chapters",
            "\n".join(when_to_use(c) for c in members),
            "## Measured so far",
            measured_so_far(members, records) + "\n",
        ]
    )


# ------------------------------------------------------------------------------------------------------ bibliography


def bibtex_entry(chapter: Chapter) -> str:
    """The BibTeX entry of a paper; its key is the chapter's name in this book."""
    preprint = chapter.venue.startswith("arXiv")
    kind = "misc" if preprint else "article" if JOURNAL.search(chapter.venue) else "inproceedings"
    venue = {"misc": "howpublished", "article": "journal", "inproceedings": "booktitle"}[kind]
    fields = {
        "title": "{" + bibtex(chapter.title) + "}",
        "author": " and ".join(bibtex(a) for a in chapter.authors),
        venue: bibtex(chapter.venue),
        "year": chapter.year,
        "doi": chapter.doi and bibtex(chapter.doi),
        "eprint": chapter.arxiv and bibtex(chapter.arxiv),
        "archiveprefix": chapter.arxiv and "arXiv",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{chapter.slug},", *lines, "}"])


def reference(chapter: Chapter) -> str:
    """A paper in the bibliography, with its links and an entry to copy."""
    links = []
    if chapter.arxiv:
        links.append(link(f"arXiv:{chapter.arxiv}", f"https://arxiv.org/abs/{chapter.arxiv}"))
    if chapter.doi:
        links.append(link(f"doi:{chapter.doi}", f"https://doi.org/{chapter.doi}"))
    if chapter.code:
        licence = f" (licence: {text(chapter.licence)})" if chapter.licence else ""
        links.append(link(f"code: {chapter.code.removeprefix('https://')}", chapter.code) + licence)
    here = f"[chapter {text(chapter.name)}](../{chapter.path})" if chapter.written else "chapter planned"
    return "\n\n".join(
        [
            f"(paper-{chapter.slug})=\n**{text(chapter.title)}**",
            f"{text(', '.join(chapter.authors))}. {text(chapter.venue)}, {chapter.year}.",
            " · ".join([*links, here]),
            f":::{{dropdown}} BibTeX\n:class-container: bibtex\n```text\n{bibtex_entry(chapter)}\n```\n:::",
        ]
    )


def bibliography(catalogue: Catalogue) -> str:
    """Every paper of the book, by part."""
    blocks = []
    for part in catalogue.parts:
        blocks.append(f"## {text(part.title)}")
        blocks += [reference(c) for c in catalogue.of_part(part.slug)]
    return "\n\n".join(blocks) + "\n"


# ---------------------------------------------------------------------------------------------- finding and teaching


def named(chapter: Chapter) -> str:
    """A chapter in a list: a link where it is written, else its name and that it is planned."""
    return f"[{text(chapter.name)}](../{chapter.path})" if chapter.written else f"{text(chapter.name)} (planned)"


def problem_words(catalogue: Catalogue) -> str:
    """Every problem word, from A to Z, with the chapters that it stands for, those that are written first."""
    found: dict[str, list[Chapter]] = {}
    for chapter in catalogue.chapters:
        for word in chapter.keywords:
            found.setdefault(word, []).append(chapter)
    lines = [
        f"- **{text(word)}**: {', '.join(named(c) for c in sorted(members, key=lambda c: not c.written))}"
        for word, members in sorted(found.items(), key=lambda item: item[0].lower())
    ]
    return ":::{div} problem-list\n" + "\n".join(lines) + "\n:::\n"


def prerequisites(catalogue: Catalogue) -> str:
    """A table: each chapter that builds on others, and those others."""
    rows = [
        f"| {named(c)} | {', '.join(named(catalogue[s]) for s in c.needs)} |" for c in catalogue.chapters if c.needs
    ]
    return "\n".join(["| chapter | read first |", "|---|---|", *rows, ""])


def exercise_item(chapter: Chapter, exercise: teaching.Exercise, anchor: str) -> str:
    """An exercise in the index. The chapter's own Markdown stays: formulas and code read as they do there."""
    page = chapter.path.removesuffix(".ipynb")
    return f'- <a href="../{page}.html#{anchor}">{text(chapter.name)}, {exercise.number}</a>: {exercise.short}'


def exercise_index(catalogue: Catalogue) -> str:
    """The exercises of all written chapters by how hard they are."""
    items: dict[str, list[str]] = {level: [] for level in teaching.LEVELS}
    for chapter in catalogue.written:
        notebook = chapters.read_notebook(chapter.notebook())
        headings = [s.heading for s in teaching.sections(notebook) if s.heading.startswith("Exercises")]
        for exercise in teaching.exercises(notebook):
            items[exercise.level].append(exercise_item(chapter, exercise, nodes.make_id(headings[0])))
    blocks = [f"### {level.capitalize()}\n\n" + "\n".join(lines) for level, lines in items.items() if lines]
    return "\n\n".join(blocks) + "\n"


# --------------------------------------------------------------------------------------------------------- run by hand


def how_to_run(catalogue: Catalogue) -> str:
    """The commands for a laptop, with the repository's address from `_config.yml` and a chapter that is there."""
    url = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    name = (catalogue.written or catalogue.chapters)[0].slug
    return "\n".join(
        [
            "```bash",
            f"git clone {url}",
            f"cd {url.rsplit('/', 1)[-1]}",
            f"make chapter NAME={name} PROFILE=smoke",
            "```",
            "",
        ]
    )


# --------------------------------------------------------------------------------------------------------------- main


def pieces(catalogue: Catalogue, root: Path = ROOT) -> dict[str, str]:
    """The generated files: path in the book -> content."""
    records = read_records(catalogue)
    included = {
        "counts.md": counts(catalogue, records),
        "parts.md": part_cards(catalogue, part_figures(catalogue)),
        "chapters.md": chapter_sections(catalogue, records),
        "hero.md": hero_figure(*opening_figure) if (opening_figure := hero(catalogue)) else "",
        "comparisons.md": comparison_cards(catalogue),
        "run.md": how_to_run(catalogue),
        "problems.md": problem_words(catalogue),
        "needs.md": prerequisites(catalogue),
        "exercises.md": exercise_index(catalogue),
        "references.md": bibliography(catalogue),
        "references.bib": "\n\n".join(bibtex_entry(c) for c in catalogue.chapters) + "\n",
    }
    pages = {p.slug: part_page(p, read_opening(root, p.slug), catalogue, records) for p in catalogue.parts}
    return {
        **{f"book/generated/{name}": content for name, content in included.items()},
        **{f"parts/{slug}.md": content for slug, content in pages.items()},
    }


def write_if_changed(path: Path, content: str) -> None:
    """Leave a file alone that is right already, so that Sphinx does not read its pages again."""
    if not path.exists() or path.read_text(encoding="utf-8") != content:
        results.write_whole(path, content)


def contents_in_sync(root: Path = ROOT) -> bool:
    path = root / "_toc.yml"
    return path.exists() and path.read_text(encoding="utf-8") == contents(chapters.catalogue())


def make(root: Path = ROOT, *, toc: bool = True) -> None:
    """Write the pieces and the parts' pages, and the table of contents unless `toc` is false."""
    catalogue = chapters.catalogue()
    for name, content in pieces(catalogue, root).items():
        write_if_changed(root / name, content)
    thumbs = root / "book" / "generated" / "thumbs"
    for slug, shown in part_figures(catalogue).items():
        thumbnail(shown, thumbs / f"{slug}.png")
    if opening_figure := hero(catalogue):
        thumbnail(opening_figure[1], thumbs / "hero.png", width=1000)
    if toc:
        write_if_changed(root / "_toc.yml", contents(catalogue))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether _toc.yml is in sync")
    parser.add_argument("--keep-toc", action="store_true", help="write the pieces, but not _toc.yml")
    wanted = parser.parse_args()
    if wanted.check:
        if contents_in_sync():
            return 0
        print(
            "_toc.yml is not what the catalogue and the notebooks ask for. Run: python book/make_pages.py",
            file=sys.stderr,
        )
        return 1
    try:
        make(toc=not wanted.keep_toc)
    except (OpeningError, chapters.CatalogueError, results.RecordError, resources.DataError) as error:
        print(f"make_pages: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
