"""Chapters that are named in the pages of the book."""

import re
import sys

import pytest
from common import ROOT

from labelbook import chapters

MENTION = re.compile(r"\{\{([a-z0-9-]+)\}\}")
PAGES = sorted(path.name for path in (ROOT / "book").glob("*.md"))
PLANS = re.findall(
    r"^## (A day|Six weeks|A term)$(.+?)(?=^## )", (ROOT / "book" / "teaching.md").read_text(), re.M | re.S
)
PLANS = {title: MENTION.findall(body) for title, body in PLANS}


@pytest.fixture
def mentions(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "book" / "_ext"), *sys.path])
    import mentions

    return mentions


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_chapters_of_the_catalogue(page):
    for slug in MENTION.findall((ROOT / "book" / page).read_text()):
        assert chapters.catalogue()[slug]


def test_there_are_three_plans_of_growing_length():
    assert list(PLANS) == ["A day", "Six weeks", "A term"]
    assert sorted(PLANS, key=lambda plan: len(PLANS[plan])) == list(PLANS)


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_brings_what_a_chapter_needs_before_it(plan):
    slugs = PLANS[plan]
    assert len(set(slugs)) == len(slugs)
    for place, slug in enumerate(slugs):
        missing = set(chapters.catalogue()[slug].needs) - set(slugs[:place])
        assert not missing, f"{plan}: {slug} comes before {missing}"


def test_a_written_chapter_becomes_a_link_and_a_planned_one_its_name(mentions):
    written = chapters.catalogue().written[0]
    planned = next(c for c in chapters.catalogue().chapters if not c.written)
    source = [f"See {{{{{written.slug}}}}} and {{{{{planned.slug}}}}}, but not {{{{ this }}}}."]
    mentions.fill(None, "book/any", source)
    assert f"](/{written.path})" in source[0]
    assert "(planned), but not {{ this }}." in source[0]


def test_markup_in_a_name_stays_words(mentions):
    planned = next(c for c in chapters.catalogue().chapters if not c.written)
    hostile = type(planned)(**{**vars(planned), "name": "<b>[x](y) `z`"})
    assert mentions.words(hostile) == r"\<b\>\[x\]\(y\) \`z\` (planned)"


def test_other_pages_are_left_alone(mentions):
    source = ["{{nacl}}"]
    mentions.fill(None, "notebooks/soft/any", source)
    assert source == ["{{nacl}}"]


def test_an_unknown_chapter_is_a_warning_of_the_build(mentions, monkeypatch):
    said = []

    class Logger:
        def warning(self, *words, **where):
            said.append((words, where))

    monkeypatch.setattr(mentions.logging, "getLogger", lambda name: Logger())
    source = ["{{naacl}}"]
    mentions.fill(None, "book/any", source)
    assert source == ["{{naacl}}"]
    assert "Did you mean nacl" in str(said[0][0][1])
    assert said[0][1] == {"location": "book/any"}
