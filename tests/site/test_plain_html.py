"""A chapter as any other viewer of notebooks shows it: nbconvert's plain HTML, without the site's own reader of Markdown."""

import re

import pytest
from common import SLUGS
from looking import DESKTOP

from labelbook import chapters

CHOSEN = SLUGS[1]
MYST = r"^:::|^```\{|\{[a-z-]+\}`|^\(\S+\)=$|^% "  # fences, roles, targets and comments of MyST


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    from nbconvert import HTMLExporter

    html, _ = HTMLExporter(embed_images=True).from_filename(str(chapters.catalogue()[CHOSEN].notebook()))
    path = tmp_path_factory.mktemp("plain") / "chapter.html"
    path.write_text(html, encoding="utf-8")
    page = browser.new_page(viewport=DESKTOP)
    page.route(re.compile("^https?:"), lambda route: route.abort())  # formulas stay as they were typed
    page.goto(path.as_uri())
    yield page
    page.close()


def test_nothing_of_myst_stands_raw(page):
    words = page.locator("body").inner_text()
    assert "## " not in words, "Markdown that was not read as such"
    assert re.findall(MYST, words, re.M) == []


def test_what_myst_would_leave_raw_is_noticed():
    for raw in (":::{note}", "see {ref}`here`", "```{figure} a.png", "(label)="):
        assert re.search(MYST, raw, re.M)


def test_solutions_are_folded_and_figures_are_there(page):
    folded = page.locator("details")
    assert folded.count() >= 2
    assert folded.evaluate_all("all => all.every(one => !one.open && one.querySelector('summary'))")
    broken = "all => all.filter(one => one.complete && one.naturalWidth === 0).length"
    assert page.locator("img").count() >= 3
    assert page.locator("img").evaluate_all(broken) == 0


def test_tables_and_rendered_sentences_are_read(page):
    assert page.locator("table").count() >= 1
    assert "reproduced" in page.locator("body").inner_text()
