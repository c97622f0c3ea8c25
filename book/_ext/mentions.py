"""Chapters in the pages of the book: `{{nacl}}` becomes a link to that chapter, or its name where it is only planned.

Also puts a chapter's problem words under its title, in plain words, so that the search finds the method by the problem.
"""

import re
import string
from pathlib import PurePosixPath

from docutils import nodes
from sphinx.util import logging

from labelbook import chapters

MENTION = re.compile(r"\{\{([a-z0-9-]+)\}\}")


def words(chapter: chapters.Chapter) -> str:
    """A chapter in running text, as Markdown; punctuation in its name stays punctuation."""
    name = "".join("\\" + c if c in string.punctuation else c for c in " ".join(chapter.name.split()))
    return f"[{name}](/{chapter.path})" if chapter.written else f"{name} (planned)"


def fill(app, docname, source):
    """Fill in the mentions of a page in `book/`; a name that is no chapter is a warning, and so an error of the build."""
    if not docname.startswith("book/"):
        return

    def one(found):
        try:
            return words(chapters.catalogue()[found[1]])
        except chapters.UnknownChapter as error:
            logging.getLogger(__name__).warning("%s", error, location=docname)
            return found[0]

    source[0] = MENTION.sub(one, source[0])


def add_problem_words(app, doctree):
    """After the paragraphs under a chapter's title."""
    name = PurePosixPath(app.env.docname)
    title = next(iter(doctree.findall(nodes.title)), None)
    chapter = next((c for c in chapters.catalogue().chapters if c.path == f"{name}.ipynb"), None)
    if chapter is None or title is None or not chapter.keywords:
        return
    line = nodes.paragraph("", "", nodes.strong("", "Problem words: "), nodes.Text(", ".join(chapter.keywords)))
    line["classes"].append("problem-words")
    head = title.parent
    place = next((i for i, n in enumerate(head) if not isinstance(n, nodes.title | nodes.paragraph)), len(head))
    head.insert(place, line)


def setup(app):
    app.connect("source-read", fill)
    app.connect("doctree-read", add_problem_words, priority=900)  # after the line about the run
    return {"parallel_read_safe": True, "parallel_write_safe": True}
