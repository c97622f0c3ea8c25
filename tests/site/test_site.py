"""The site in a real browser: from a web server and from the disk, on a desk and on a phone, by day and by night.

Two sites are looked at in the same way: the book itself, and a copy with made-up chapters that holds everything a chapter
may bring along, markup in names included.
"""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import looking
import made_up
import pytest
import yaml
from bs4 import BeautifulSoup
from looking import PHONE, visiting
from made_up import HOSTILE, ROOT, WORD

from labelbook import chapters, results, teaching

LIMIT = 3_000_000  # bytes of a page, without what all pages share
CATALOGUE = chapters.catalogue()
FIRST = [chapter.path.removesuffix(".ipynb") for chapter in CATALOGUE.chapters[:4]]
REAL = looking.pages_of(ROOT / "_toc.yml")
PART = f"parts/{CATALOGUE.chapters[0].part}"  # the part of the made-up chapters
ABOUT = ("book/scoreboard", "book/verdicts", "book/references", "book/problems", "book/teaching")
MADE_UP = ["book/index", PART, *FIRST[:3], *ABOUT]
PAGES = [("real", page) for page in REAL] + [("made_up", page) for page in MADE_UP]
CHAPTERS = [(name, page) for name, page in PAGES if page.startswith("notebooks/")]

each_site = pytest.mark.parametrize("site", ["real", "made_up"], indirect=True)
each_page = pytest.mark.parametrize(("site", "page"), PAGES, indirect=["site"])
each_chapter = pytest.mark.parametrize(("site", "page"), CHAPTERS, indirect=["site"])


# ---------------------------------------------------------------------------------------------------------- fixtures


def call(root: Path, script: str, *arguments: str, **environment: str):
    """Run a script of the tree at `root` with that tree's own library."""
    return subprocess.run(
        [sys.executable, f"book/{script}.py", *arguments],
        cwd=root,
        env={**made_up.environment(root), **environment},
        capture_output=True,
        text=True,
    )


def built(root: Path) -> Path:
    """The HTML of the tree at `root`, built strictly; the table of contents stays as it is committed."""
    for script, argument in (("make_pages", "--check"), ("build_site", "--keep-toc")):
        done = call(root, script, argument)
        if done.returncode:
            pytest.fail(done.stdout + done.stderr, pytrace=False)
    return root / "_build" / "html"


@pytest.fixture(scope="session")
def real_site():
    with looking.served(ROOT, built(ROOT)) as site:
        yield site


@pytest.fixture(scope="session")
def made_up_tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("made-up-book")
    made_up.make_tree(root)
    assert call(root, "make_pages").returncode == 0
    return root


@pytest.fixture(scope="session")
def made_up_site(made_up_tree):
    with looking.served(made_up_tree, built(made_up_tree)) as site:
        yield site


@pytest.fixture
def site(request):
    return request.getfixturevalue(f"{request.param}_site")


def soup(site, page):
    return BeautifulSoup((site.html / f"{page}.html").read_text(encoding="utf-8"), "html.parser")


# --------------------------------------------------------------------------------------------------- the whole site


def test_the_committed_contents_are_in_sync():
    done = call(ROOT, "make_pages", "--check")
    assert done.returncode == 0, done.stderr


def test_contents_out_of_sync_are_named(tmp_path):
    made_up.make_tree(tmp_path)
    call(tmp_path, "make_pages")
    assert call(tmp_path, "make_pages", "--check").returncode == 0
    (tmp_path / f"{FIRST[0]}.ipynb").unlink()
    done = call(tmp_path, "make_pages", "--check")
    assert done.returncode == 1
    assert "Run: python book/make_pages.py" in done.stderr


@each_site
@pytest.mark.parametrize("how", ["http", "file"])
def test_the_front_door_leads_to_the_front_page(site, browser, how):
    page = browser.new_page()
    page.goto(site.url("index", how))
    page.wait_for_url("**/book/index.html")
    page.close()


@each_site
def test_links_inside_the_site_resolve(site):
    contents = {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for folder in ("", "book", "parts", "notebooks/*")
        for path in site.html.glob(f"{folder}/*.html" if folder else "*.html")
    }
    anchors = {path: {element["id"] for element in content.find_all(id=True)} for path, content in contents.items()}
    missing = []
    for path, content in contents.items():
        for element in content.find_all(["a", "img", "script", "link"]):
            link = urlsplit(element.get("href") or element.get("src") or "")
            if link.scheme or link.netloc or not (link.path or link.fragment):
                continue
            target = (path.parent / unquote(link.path)).resolve() if link.path else path
            if not target.is_file() or (link.fragment and link.fragment not in anchors.get(target, [link.fragment])):
                missing.append(f"{path.relative_to(site.html)}: {link.geturl()}")
    assert missing == []


# ------------------------------------------------------------------------------------------------------- every page


@each_page
def test_a_page_opens_from_a_server_and_fits_a_phone(site, browser, page):
    with visiting(browser, site.url(page)) as visit:
        formulas = visit.page.locator(".bd-article .math")
        rendered = visit.page.locator(".bd-article .math mjx-container")
        assert rendered.count() == formulas.count(), "formulas that are not rendered"
        assert visit.page.locator("mjx-merror").all_inner_texts() == []
        own = [size for url, size in visit.loaded.items() if "/_static/" not in url]
        assert sum(own) < LIMIT
        visit.page.set_viewport_size(PHONE)
        assert visit.page.evaluate(looking.TOO_WIDE) == []
        assert visit.problems == []


@each_page
def test_a_page_opens_from_the_disk(site, browser, page):
    with visiting(browser, site.url(page, "file")) as visit:
        assert visit.page.locator(".bd-article .math:not(:has(mjx-container))").count() == 0
        assert visit.problems == []


@each_page
def test_pictures_say_what_they_show(site, page):
    for image in soup(site, page).select(".bd-article img"):
        alt = image.get("alt", "").strip()
        assert len(alt) > 10, f"no alt text: {image['src']}"
        assert not re.search(r"\.(png|svg|jpe?g)$|_images|^output", alt), f"a file name for alt text: {alt}"


@each_chapter
def test_colab_opens_the_notebook_of_the_page(site, page):
    repository = yaml.safe_load((site.root / "_config.yml").read_text())["repository"]
    name = repository["url"].removeprefix("https://github.com/")
    links = {a["href"] for a in soup(site, page).select("a[href*='colab.research.google.com']") if a.find("img")}
    expected = f"https://colab.research.google.com/github/{name}/blob/{repository['branch']}/{page}.ipynb"
    assert expected in links
    assert (site.root / f"{page}.ipynb").exists()


# ------------------------------------------------------------------------------------------------------ front page


@each_site
def test_the_front_page_shows_finished_and_planned_chapters(site, browser):
    content = soup(site, "book/index")
    links = {a["href"] for a in content.select(".bd-article a[href]")}
    finished = looking.pages_of(site.root / "_toc.yml")
    words = content.select_one(".bd-article").get_text(" ")
    listed = chapters.read_catalogue(site.root / "book" / "catalogue.yml").chapters
    for chapter in listed:
        page = chapter.path.removesuffix(".ipynb")
        assert (f"../{page}.html" in links) == (page in finished), chapter.slug
        if chapter.title != HOSTILE:
            assert chapter.title in words.replace("’", "'")
    count = sum(page.startswith("notebooks/") and "/comparisons/" not in page for page in finished)
    assert f"{count} chapter{'s' * (count != 1)} finished, {len(listed) - count} planned" in words


def test_a_part_shows_a_figure_of_one_of_its_chapters(real_site):
    cards = soup(real_site, "book/index").select(".part")
    assert len(cards) == len(CATALOGUE.parts)
    for part, card in zip(CATALOGUE.parts, cards, strict=True):
        written = [c for c in CATALOGUE.of_part(part.slug) if c.written]
        assert bool(card.select_one("img")) == bool(written), part.slug


def test_the_guide_on_the_front_page_ends_in_chapters(real_site):
    rows = soup(real_site, "book/index").select("table tbody tr")
    names = {c.name: c for c in CATALOGUE.chapters}
    for row in rows:
        start = row.select("td")[1]
        chapter = names[start.get_text().removesuffix(" (planned)").strip()]
        assert bool(start.select_one(f"a[href$='{chapter.slug}.html']")) == chapter.written


def test_verdicts_are_counted_from_the_records(made_up_site):
    words = " ".join(soup(made_up_site, "book/index").select_one(".bd-article").get_text(" ").split())
    assert "Claims tested so far: 2 ✓ reproduced , 1 ? undecided , 1 ✗ not reproduced" in words
    assert "✓ 1 reproduced ? 1 undecided ✗ 1 not reproduced" in words
    assert "not run yet" in words


def test_a_chapter_says_where_its_numbers_come_from(made_up_site):
    line, again = (said.get_text() for said in soup(made_up_site, FIRST[0]).select(".provenance"))
    assert f"make chapter NAME={Path(FIRST[0]).name} PROFILE=book" in again
    for expected in ("profile book", "5 seeds", "2026-11-23", "2.8 minutes", "torch 2.14.1", "code 01234567"):
        assert expected in line


# ------------------------------------------------------------------------------------------------------- scoreboard


@pytest.mark.parametrize("how", ["http", "file"])
def test_the_scoreboard_sorts_and_filters(made_up_site, browser, how):
    from playwright.sync_api import expect

    with visiting(browser, made_up_site.url("book/scoreboard", how)) as visit:
        page = visit.page
        page.locator(".dt-search input").wait_for(timeout=10_000)
        verdicts = page.locator("#claims tbody td:nth-child(4)")
        expect(verdicts).to_have_count(4)
        ordered = sorted(
            verdicts.all_inner_texts(), key=lambda v: ["reproduced", "undecided", "not"].index(v.split()[1])
        )
        assert ordered != verdicts.all_inner_texts()
        page.locator("#claims th:nth-child(4) button[aria-label='Toggle ordering']").click()
        expect(verdicts).to_have_text(ordered)
        page.locator(".dt-search input").fill("not reproduced")
        expect(verdicts).to_have_text([ordered[-1]])
        expect(page.locator(".dt-info")).to_contain_text("of 4")
        assert visit.problems == []


def test_the_scoreboard_says_what_held_on_fresh_seeds(made_up_site):
    rows = [
        [td.get_text() for td in tr.select("td")]
        for tr in soup(made_up_site, "book/scoreboard").select("#claims tbody tr")
    ]
    assert [row[5] for row in rows] == ["yes", "untried", "no", "untried"]
    assert [row[2] for row in rows] == [*(claim.text for claim in made_up.claims()), HOSTILE]


def test_the_scoreboard_links_each_claim_to_its_chapter(real_site):
    content = soup(real_site, "book/scoreboard")
    rows = content.select("#claims tbody tr")
    assert {Path(r.select_one("a")["href"]).stem for r in rows} == {c.slug for c in CATALOGUE.runnable}
    assert content.select_one("img[src*='effects']")


# ----------------------------------------------------------------------------------------------------------- parts


@pytest.mark.parametrize("part", [part.slug for part in CATALOGUE.parts])
def test_an_opening_speaks_of_each_chapter_of_its_part_and_types_no_number(part):
    words = (ROOT / "book" / "parts" / f"{part}.md").read_text(encoding="utf-8")
    mentioned = set(re.findall(r"\{\{(.*?)\}\}", words))
    assert mentioned == {chapter.slug for chapter in CATALOGUE.of_part(part)}
    assert re.search(r"\d", re.sub(r"\{\{.*?\}\}", "", words)) is None
    assert 200 <= len(words.split()) <= 350


def test_the_page_of_a_part_links_what_is_written_and_names_what_is_planned(made_up_site):
    article = soup(made_up_site, PART).select_one(".bd-article")
    links = {a["href"] for a in article.select("a[href]")}
    words = " ".join(article.get_text(" ").split())
    for chapter in CATALOGUE.of_part(Path(PART).name):
        page = chapter.path.removesuffix(".ipynb")
        assert (f"../{page}.html" in links) == (page in FIRST[:3]), chapter.slug
        if chapter.slug not in (Path(FIRST[1]).name, Path(FIRST[3]).name):  # their names are made of markup
            assert words.count(chapter.name) >= 3  # in the opening, in the list, under what is measured
    assert "{{" not in words
    assert "Planned, so nothing is measured yet:" in words
    assert "Written and not run yet:" in words


def test_the_page_of_a_part_shows_every_claim_that_was_tested(made_up_site):
    rows = soup(made_up_site, PART).select(".claims tbody tr")
    assert len(rows) == len(made_up.claims()) + 1
    assert (
        "20 points, 95% interval 17.5 points to 22.5 points, 3 seeds (needed: at least 5 points)" in rows[0].get_text()
    )
    for row, claim in zip(rows, made_up.claims(), strict=False):
        assert claim.text in row.get_text()
        assert row.select_one(".verdict").get_text().endswith(claim.verdict)


def test_of_many_conditions_a_part_shows_the_deciding_ones(made_up_tree, tmp_path):
    slug = Path(FIRST[0]).name
    fine = [{"what": f"fine {i}", "differences": [0.2, 0.21], "at_least": 0.05} for i in range(4)]
    bad = {"what": "bad", "differences": [0.0, 0.001], "at_least": 0.5}
    made_up.write_records(tmp_path, [made_up.record(slug, [results.claim("All hold", all_of=[*fine, bad])])])
    try:
        assert call(made_up_tree, "make_pages", LABELBOOK_RESULTS=str(tmp_path)).returncode == 0
        (row,) = [line for line in (made_up_tree / f"{PART}.md").read_text().splitlines() if "All hold" in line]
        assert [row.count(what) for what in ("bad", "fine 0", "fine 1", "fine 2")] == [1, 1, 1, 0]
        assert "and 2 more in the chapter" in row
    finally:
        call(made_up_tree, "make_pages")


@pytest.mark.parametrize(
    ("content", "message"), [(None, "has no opening"), ("Try {{no-such-chapter}}.", "no-such-chapter")]
)
def test_a_bad_opening_is_named(made_up_tree, content, message):
    path = made_up_tree / "book" / "parts" / "trust.md"
    kept = path.read_text(encoding="utf-8")
    try:
        path.unlink() if content is None else path.write_text(content, encoding="utf-8")
        done = call(made_up_tree, "make_pages")
        assert done.returncode == 1
        assert message in done.stderr
        assert "trust.md" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        path.write_text(kept, encoding="utf-8")
        call(made_up_tree, "make_pages")


# ----------------------------------------------------------------------------------------------------------- search


def search_by_field(page, words):
    """Search as a reader does: open the field, type, press Enter."""
    page.locator("button.search-button__button:visible").first.click()
    field = page.locator("input[type=search]:visible").first
    field.fill(words)
    field.press("Enter")


@pytest.mark.parametrize("how", ["http", "file"])
def test_search_finds_a_chapter_by_a_word_of_its_text(made_up_site, browser, how):
    with visiting(browser, made_up_site.url("book/index", how)) as visit:
        search_by_field(visit.page, WORD.lower())
        found = visit.page.locator("#search-results li a")
        found.first.wait_for(timeout=10_000)
        assert [link.split("?")[0].split("#")[0] for link in found.evaluate_all("all => all.map(a => a.href)")] == [
            made_up_site.url(FIRST[0], how)
        ]
        assert visit.problems == []


# One chapter a part; each search loads the whole index.
FIRST_OF_PARTS = list({Path(page).parent: page for page in reversed(REAL) if page.startswith("notebooks/")}.values())


@pytest.mark.parametrize("page", FIRST_OF_PARTS)
def test_search_finds_a_chapter_by_its_title(real_site, browser, page):
    title = soup(real_site, page).select_one("h1").find(string=True)
    words = max(re.findall(r"\w+", title), key=len)
    with visiting(browser, f"{real_site.url('search')}?q={words}") as visit:
        visit.page.locator(f"#search-results a[href*='{page}.html']").first.wait_for(timeout=10_000)


@pytest.mark.parametrize("words", ["crowd workers", "few labels", "class imbalance", "noisy labels", "calibration"])
def test_search_finds_methods_by_problem_words(real_site, browser, words):
    """The index of problems leads to planned chapters too; a written one is found itself."""
    known = [chapter for chapter in CATALOGUE.chapters if words in chapter.keywords]
    assert known
    wanted = ["book/problems", *(c.path.removesuffix(".ipynb") for c in known if c.written)]
    with visiting(browser, f"{real_site.url('search')}?q={words.replace(' ', '+')}") as visit:
        for page in wanted:
            visit.page.locator(f"#search-results a[href*='{page}.html']").first.wait_for(timeout=10_000)
    listed = next(li for li in soup(real_site, "book/problems").select("li") if li.strong and li.strong.string == words)
    for chapter in known:
        assert chapter.name in listed.get_text()


# --------------------------------------------------------------------------------------------- finding and teaching


def test_plans_link_written_chapters_and_name_planned_ones(made_up_site):
    page = soup(made_up_site, "book/teaching")
    tables = page.select("table")
    written, planned = CATALOGUE["confident-learning"], CATALOGUE["uda"]
    cells = [cell for table in tables for cell in table.select("td")]
    assert any(a["href"] == f"../{written.path.removesuffix('.ipynb')}.html" for c in cells for a in c.select("a"))
    assert any("UDA (planned)" in cell.get_text() for cell in cells)
    assert "{{" not in page.select_one(".bd-article").get_text()
    assert planned.path.removesuffix(".ipynb") not in str(page.select_one(".bd-article"))


def test_the_index_of_exercises_leads_to_every_exercise(real_site):
    links = soup(real_site, "book/teaching").select(".bd-article a[href*='.html#exercises']")
    expected = {
        f"{chapter.name}, {exercise.number}"
        for chapter in CATALOGUE.written
        for exercise in teaching.exercises(teaching.written_notebook(chapter.slug))
    }
    assert {link.get_text().replace("’", "'") for link in links} == expected


def test_a_bibtex_entry_has_a_button_that_copies_it(real_site, browser):
    with visiting(browser, real_site.url("book/references")) as visit:
        entry = visit.page.locator("details.bibtex").first
        entry.locator("summary").click()
        entry.locator("button.copybtn").wait_for(state="attached", timeout=5_000)
        target = entry.locator("button.copybtn").get_attribute("data-clipboard-target")
        assert visit.page.locator(target).inner_text().startswith("@")


# ----------------------------------------------------------------------------------------------------- accessibility


def looked_at():
    """Front page, pages about the book, and a chapter with everything; of the book itself a chapter and a comparison too."""
    chapter, comparison = (
        next(page for page in REAL if page.startswith("notebooks/") and ("/comparisons/" in page) == compares)
        for compares in (False, True)
    )
    about = ["book/index", "book/scoreboard", "book/verdicts", "book/teaching", "book/problems"]
    return [("made_up", page) for page in ("book/index", PART, FIRST[0], "book/references")] + [
        ("real", page) for page in [*about, chapter, comparison]
    ]


@pytest.mark.parametrize(("site", "page"), looked_at(), indirect=["site"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(site, browser, page, scheme):
    from axe_playwright_python.sync_playwright import Axe

    with visiting(browser, site.url(page), scheme=scheme) as visit:
        # Contrast is measured span by span: five cells with coloured code are enough, and the rest stays as plain text.
        visit.page.evaluate("""async () => {
            [...document.querySelectorAll(".highlight pre")].slice(5).forEach(pre => { pre.textContent = pre.textContent; });
            document.querySelectorAll(".bd-article details").forEach(folded => { folded.open = true; });
            await Promise.all(document.getAnimations().map(animation => animation.finished));
        }""")
        found = Axe().run(visit.page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [
            f"{v['id']}: {v['help']}: {node['html'][:200]} {node['failureSummary'][:300]}"
            for v in found
            if v["impact"] in ("serious", "critical")
            for node in v["nodes"]
        ]
        assert serious == []


# ----------------------------------------------------------------------------------------------- what records may do


@pytest.mark.parametrize(
    "page", ["book/index", PART, FIRST[1], "book/references", "book/scoreboard", "book/problems", "book/teaching"]
)
def test_markup_in_records_and_catalogue_stays_words(made_up_site, browser, page):
    with visiting(browser, made_up_site.url(page)) as visit:
        words = " ".join(visit.page.locator(".bd-article").inner_text().split())
        assert HOSTILE in words
        assert visit.page.evaluate("window.pwned") is None
        assert visit.page.locator(".bd-article a[href^='javascript']").count() == 0
        assert not [code for code in visit.page.locator("script").all_text_contents() if "pwned" in code]
        assert visit.problems == []


def test_pages_follow_the_records_folder(made_up_tree, tmp_path):
    before = (made_up_tree / f"{PART}.md").read_text()
    try:
        slug = Path(FIRST[2]).name
        made_up.write_records(tmp_path / "results", [made_up.hostile_record(slug)])
        done = call(made_up_tree, "make_pages", LABELBOOK_RESULTS=str(tmp_path / "results"))
        assert done.returncode == 0, done.stderr
        text = (made_up_tree / f"{PART}.md").read_text()
        assert text != before
        assert r"\<script\>window\.pwned" in text
        assert not re.search(r"(?<!\\)<(script|img)", text)
    finally:
        call(made_up_tree, "make_pages")


def test_a_damaged_record_is_named(made_up_tree, tmp_path):
    slug = Path(FIRST[0]).name
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / f"{slug}.json").write_text('{"schema": 1, "slu')
    done = call(made_up_tree, "make_pages", LABELBOOK_RESULTS=str(tmp_path))
    assert done.returncode == 1
    assert f"{slug}.json is damaged" in done.stderr
    assert "Traceback" not in done.stderr
