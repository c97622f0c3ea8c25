"""Slides in a real browser: from the disk, by keyboard, without a network."""

import pytest
from common import SLUGS
from looking import visiting

from labelbook import chapters, slides, teaching

# One chapter a part.
CHOSEN = list({chapters.catalogue()[slug].part: slug for slug in reversed(SLUGS)}.values())


@pytest.fixture(params=CHOSEN)
def visit(request, browser, tmp_path):
    path = tmp_path / "slides.html"
    path.write_text(slides.document(teaching.written_notebook(request.param), request.param), encoding="utf-8")
    with visiting(browser, path.as_uri()) as visit:
        visit.page.wait_for_function("window.Reveal && Reveal.isReady()")
        yield visit


def test_slides_open_from_the_disk_and_ask_nobody(visit):
    formulas = visit.page.locator(".slides .math")
    assert visit.page.locator(".slides .math mjx-container").count() == formulas.count() > 0
    assert visit.page.locator("mjx-merror").all_inner_texts() == []
    assert visit.problems == []


def test_the_arrow_key_leads_through_all_of_them(visit):
    total = visit.page.evaluate("Reveal.getTotalSlides()")
    seen = set()
    for _ in range(total):
        seen.add(
            visit.page.evaluate("Reveal.getCurrentSlide().innerText.trim() + Reveal.getCurrentSlide().innerHTML.length")
        )
        # Slides may scroll downwards when a claim is long; nothing may be cut off at the side.
        assert visit.page.evaluate("(s => s.scrollWidth <= s.clientWidth + 1)(Reveal.getCurrentSlide())")
        visit.page.keyboard.press("ArrowRight")
    assert len(seen) == total
    assert visit.page.evaluate("Reveal.isLastSlide()")


def test_a_reader_who_does_not_see_gets_words(visit):
    assert visit.page.locator("html").get_attribute("lang") == "en"
    assert visit.page.locator(".slides h1").count() == 1
    for image in visit.page.locator(".slides img").all():
        assert len(image.get_attribute("alt")) > 10


def test_axe_finds_nothing_serious(visit):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(visit.page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in ("serious", "critical")] == []
