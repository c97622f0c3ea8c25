"""A chapter as slides: one HTML file with reveal.js, formulas and figures inside, which asks no other server for anything.

What goes on a slide is decided by section and by tag. The title, each heading with the sentences that open its section,
the formulas of *The idea*, the names that *The method* defines, the examples *By hand*, every figure, every claim with its
verdict, and the exercises without their solutions. A cell tagged `slide` is shown whole, one tagged `skip` not at all.
"""

from __future__ import annotations

import ast
import html
import importlib.util
import re
from pathlib import Path

from . import chapters, teaching
from .teaching import Section, source, tags

_CLAIM = re.compile(r"\*\*(Reproduced|Not reproduced|Undecided)\*\*")
_DISPLAYED = re.compile(r"^\$\$.*?\$\$[^\S\n]*$", re.DOTALL | re.MULTILINE)
_SAID_AFTER = re.compile(r"(here|where|with)\b", re.IGNORECASE)
MANY_WORDS = 60  # of prose on one slide
MANY_NAMES = 8  # of functions on one slide


class ToolsMissing(RuntimeError):
    """reveal.js, MathJax or the Markdown parser is not installed; the message says which."""


# ---------------------------------------------------------------------------------------------------- what is shown


def slides(notebook: dict) -> list[list[str]]:
    """The slides as HTML, a list for each section; the first section is the title."""
    made = [_of_section(section) for section in teaching.sections(notebook)]
    return [stack for stack in made if stack]


def _of_section(section: Section) -> list[str]:
    if section.heading.startswith("References"):
        return _tagged(section)
    if not section.heading:
        return _title(section)
    first = [f"<h2>{_inline(section.heading)}</h2>", _markdown(_opening(section))]
    stack = ["\n".join(first), *_formulas(section), *_names(section)]
    for cell in section.cells:
        stack += _of_cell(cell)
    if section.heading.startswith("Exercises"):
        stack += [_markdown(f"**{e.number}.** {e.text}") for e in teaching.exercises({"cells": _again(section)})]
    kicker = f'<p class="section">{_inline(section.heading.split(":")[0])}</p>'
    return [stack[0], *(f"{kicker}\n{slide}" for slide in stack[1:])]


def _again(section: Section) -> list[dict]:
    """The cells of a section with its heading in front, as a notebook has them."""
    heading = {"cell_type": "markdown", "metadata": {}, "source": f"## {section.heading}"}
    return [heading, *section.cells]


def _title(section: Section) -> list[str]:
    """The cell with the title whole, then what the tags and figures before the first section ask for."""
    written = [c for c in section.cells if c["cell_type"] == "markdown" and "skip" not in tags(c)]
    others = [c for c in section.cells if c not in written[:1]]
    return [_markdown(source(c)) for c in written[:1]] + [slide for c in others for slide in _of_cell(c)]


def _tagged(section: Section) -> list[str]:
    return [slide for cell in section.cells if "slide" in tags(cell) for slide in _of_cell(cell)]


def _of_cell(cell: dict) -> list[str]:
    """The slides of one cell: all of it where it is tagged `slide`; otherwise worked example, figures and claims."""
    if "skip" in tags(cell):
        return []
    if cell["cell_type"] == "markdown":
        return [_markdown(source(cell), trusted=True)] if "slide" in tags(cell) else []
    if cell["cell_type"] != "code":
        return []
    alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
    shown = [part for part in (_output(output, alt) for output in cell["outputs"]) if part]
    if "slide" in tags(cell) or "nbval-check-output" in tags(cell):
        return ["\n".join([_code(source(cell)), *shown])]
    wanted = ('<img class="figure"', '<div class="claim"')
    return [part for part in shown if part.startswith(wanted)]


def _opening(section: Section) -> str:
    """The first whole sentences of a section: its first paragraph, up to about `MANY_WORDS` words."""
    paragraphs = [
        p for p in section.prose.split("\n\n") if p.strip() and not p.startswith(("$$", "<", "#", "```", "!["))
    ]
    if not paragraphs or teaching._NUMBERED.match(paragraphs[0]):
        return ""
    sentences = _sentences(paragraphs[0])
    if len(sentences) > 1 and not sentences[-1].endswith((".", "?", "!")):
        sentences.pop()  # it goes on in a formula
    return _as_many_as_fit(sentences)


def _as_many_as_fit(sentences: list[str]) -> str:
    """The first sentence, and those after it until there are about `MANY_WORDS` words."""
    kept = sentences[:1]
    for sentence in sentences[1:]:
        if len(" ".join([*kept, sentence]).split()) > MANY_WORDS:
            break
        kept.append(sentence)
    return " ".join(kept)


def _sentences(paragraph: str) -> list[str]:
    return re.split(r"(?<=[.?!:])\s+(?=[A-Z$*`(])", " ".join(paragraph.split()))


def _formulas(section: Section) -> list[str]:
    """One slide for each displayed formula under *The idea*: what leads to it, the formula, what its symbols are."""
    if not section.heading.startswith("The idea"):
        return []
    made = []
    for cell in (c for c in section.cells if c["cell_type"] == "markdown" and not {"skip", "slide"} & set(tags(c))):
        text = source(cell)
        for found in _DISPLAYED.finditer(text):
            before = [p for p in text[: found.start()].split("\n\n") if p.strip()]
            after = [p for p in text[found.end() :].split("\n\n") if p.strip()]
            lead = _leading(before[-1]) if before and not before[-1].lstrip().startswith("$$") else ""
            explained = after[0] if after and _SAID_AFTER.match(after[0].strip()) else ""
            made.append(_markdown("\n\n".join(part.strip() for part in (lead, found[0], explained) if part.strip())))
    return made


def _leading(paragraph: str) -> str:
    """The last sentence of a paragraph, and those before it until there are about `MANY_WORDS` words."""
    sentences = _sentences(paragraph)
    first = next(
        i
        for i in range(len(sentences))
        if len(" ".join(sentences[i:]).split()) <= MANY_WORDS or i == len(sentences) - 1
    )
    return " ".join(sentences[first:])


def _names(section: Section) -> list[str]:
    """The functions and classes of the `method` cells, each with the first line of its docstring, `MANY_NAMES` a slide."""
    cells = [c for c in section.cells if c["cell_type"] == "code" and "method" in tags(c) and "skip" not in tags(c)]
    defined = [node for cell in cells for node in ast.parse(source(cell)).body if hasattr(node, "name")]
    rows = [
        f"<dt><code>{html.escape(node.name)}</code></dt><dd>{_inline((ast.get_docstring(node) or '').split(chr(10))[0])}</dd>"
        for node in defined
        if not node.name.startswith("_")
    ]
    pages = [rows[i : i + MANY_NAMES] for i in range(0, len(rows), MANY_NAMES)]
    return ["<dl>\n" + "\n".join(page) + "\n</dl>" for page in pages]


# -------------------------------------------------------------------------------------------------------- rendering


def _output(output: dict, alt: str) -> str:
    """One output of a cell as HTML; "" for what has no place on a slide."""
    data = {kind: "".join(value) for kind, value in output.get("data", {}).items() if isinstance(value, str | list)}
    if "image/png" in data:
        return f'<img class="figure" alt="{html.escape(alt)}" src="data:image/png;base64,{data["image/png"].strip()}">'
    if "text/markdown" in data:
        claim = _CLAIM.match(data["text/markdown"].lstrip())
        kind = f'claim" data-verdict="{claim[1].lower()}' if claim else "said"
        return f'<div class="{kind}">{_markdown(data["text/markdown"])}</div>'
    if "text/html" in data:
        return f'<div class="table" tabindex="0">{data["text/html"]}</div>'
    words = data.get("text/plain") or ("".join(output.get("text", "")) if output.get("name") == "stdout" else "")
    return f'<pre class="printed" tabindex="0">{html.escape(words)}</pre>' if words.strip() else ""


def _parser(*, trusted: bool = False):
    """Markdown with tables and formulas; HTML in it stays words unless the text is `trusted`."""
    try:
        from markdown_it import MarkdownIt
        from mdit_py_plugins.dollarmath import dollarmath_plugin
    except ImportError as error:
        raise ToolsMissing(
            f"slides need {error.name}: install the pins of requirements.txt (`make site` does)"
        ) from None

    def formula(content: str, options: dict) -> str:
        words = html.escape(content)
        return rf"\[{words}\]" if options["display_mode"] else rf"\({words}\)"

    parser = MarkdownIt("commonmark", {"html": trusted}).enable("table")
    return parser.use(dollarmath_plugin, renderer=formula, double_inline=True, allow_digits=False)


def _markdown(text: str, *, trusted: bool = False) -> str:
    return _parser(trusted=trusted).render(text).strip()


def _inline(text: str) -> str:
    return _parser().renderInline(text)


def _code(text: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    marked = highlight(text, PythonLexer(), HtmlFormatter(nowrap=True))
    return f'<pre class="code" tabindex="0"><code>{marked}</code></pre>'


# ----------------------------------------------------------------------------------------------------- the document

_STYLE = """
body { background: #fff; color: #1b1f24; font-family: system-ui, "Segoe UI", "Noto Sans", sans-serif; }
.reveal { font-size: 30px; line-height: 1.4; }
.reveal .slides { text-align: left; }
.reveal .slides section { max-height: 700px; overflow: auto; box-sizing: border-box; padding: 0 6px; }
.reveal h1, .reveal h2 { line-height: 1.15; margin: 0.2em 0 0.6em; color: #0b3d63; }
.reveal h1 { font-size: 2em; }
.reveal h2 { font-size: 1.6em; }
.reveal p { margin: 0.5em 0; }
.reveal p.section { font-size: 0.7em; color: #57606a; margin: 0 0 0.4em; }
.reveal a { color: #0550ae; text-decoration: underline; }
.reveal img.figure { display: block; margin: 0 auto; max-width: 100%; max-height: 610px; width: 92%; object-fit: contain; }
.reveal mjx-container[display="true"] > svg { max-width: 100%; height: auto; }
.reveal pre { font-size: 0.55em; line-height: 1.4; background: #f6f8fa; border-radius: 6px; padding: 0.8em 1em;
  margin: 0.5em 0; overflow: auto; width: auto; box-shadow: none; }
.reveal pre.printed { background: #fff; border-left: 4px solid #0b3d63; border-radius: 0; }
.reveal code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
.reveal pre code { max-height: none; padding: 0; }
.reveal dl { font-size: 0.76em; display: grid; grid-template-columns: max-content 1fr; gap: 0.35em 1em; }
.reveal dt { font-weight: normal; font-size: 0.9em; }
.reveal dd { margin: 0; }
.reveal ul { padding-left: 1.2em; }
.reveal table { border-collapse: collapse; font-size: 0.7em; margin: 0.5em 0; }
.reveal th, .reveal td { border-bottom: 1px solid #d0d7de; padding: 0.25em 0.7em; }
.reveal .table { overflow: auto; }
.reveal .claim { border-left: 8px solid #57606a; padding-left: 0.8em; }
.reveal .claim[data-verdict="reproduced"] { border-color: #1a7f37; }
.reveal .claim[data-verdict="not reproduced"] { border-color: #cf222e; }
.reveal .claim ul { font-size: 0.72em; }
.reveal .slide-number { font-size: 17px; color: #1b1f24; background: #fff; }
"""

_MATH = """window.MathJax = {
  tex: { inlineMath: [["\\\\(", "\\\\)"]], displayMath: [["\\\\[", "\\\\]"]] },
  svg: { fontCache: "local" },
  options: { enableMenu: false, skipHtmlTags: ["script", "style", "pre", "code"] },
};"""

_START = """Reveal.initialize({
  width: 1120, height: 700, margin: 0.04, center: false, hash: true, controls: true, slideNumber: "c/t",
  navigationMode: "linear", transition: "none", backgroundTransition: "none", viewDistance: 1000,
}).then(() => MathJax.startup.promise).then(() => Reveal.layout());"""


def _shipped(package: str, name: str) -> str:
    """A file that an installed package carries along, as text that may stand inside a `script` or `style` element."""
    found = importlib.util.find_spec(package)
    path = Path(found.origin).parent / name if found and found.origin else None
    if path is None or not path.is_file():
        raise ToolsMissing(
            f"slides need the package {package.replace('_', '-')}, pinned in requirements.txt: "
            "`make site` installs it, and so does `pip install -r requirements.txt`"
        )
    return path.read_text(encoding="utf-8").replace("</script", r"<\/script")


def document(notebook: dict, title: str) -> str:
    """The slides of a notebook as one HTML document that needs no other file.

    Raises:
        ToolsMissing: reveal.js or MathJax is not installed.
    """
    from pygments.formatters import HtmlFormatter

    reveal = "_static/revealjs/dist/reveal"
    stacks = [
        "<section>\n" + "\n".join(f"<section>\n{slide}\n</section>" for slide in stack) + "\n</section>"
        for stack in slides(notebook)
    ]
    colours = HtmlFormatter(style="a11y-high-contrast-light").get_style_defs(".reveal pre.code")
    head = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(title)}</title>",
        '<link rel="icon" href="data:,">',
        f"<style>{_shipped('sphinx_revealjs', f'{reveal}.css')}</style>",
        f"<style>{colours}\n{_STYLE}</style>",
    ]
    body = [
        '<div class="reveal"><div class="slides">',
        *stacks,
        "</div></div>",
        f"<script>{_MATH}</script>",
        f"<script>{_shipped('sphinx-mathjax-offline', 'static/mathjax/tex-svg.js')}</script>",
        f"<script>{_shipped('sphinx_revealjs', f'{reveal}.js')}</script>",
        f"<script>{_START}</script>",
    ]
    return "\n".join(
        ["<!doctype html>", '<html lang="en">', "<head>", *head, "</head>", "<body>", *body, "</body>", "</html>", ""]
    )


def write_slides(slug: str) -> Path:
    """Write the slides of a chapter to `_build/slides/<slug>.html` and return the path.

    Raises:
        UnknownChapter, NotebookError: see `teaching.written_notebook`.
        ToolsMissing: see `document`.
    """
    from .results import write_whole

    notebook = teaching.written_notebook(slug)
    path = teaching.out_folder("slides") / f"{slug}.html"
    write_whole(path, document(notebook, f"{chapters.catalogue()[slug].name}: slides"))
    return path
