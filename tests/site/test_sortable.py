"""Tables of class "sortable" on a page of their own, in a real browser, from the disk."""

import shutil
import subprocess
import sys

import pytest
from common import ROOT
from looking import visiting

PAGE = """<!doctype html><html lang="en"><head><title>A table</title><script src="sortable.js" defer></script></head><body>
<table class="dataframe sortable"><thead><tr><th>method</th><th>accuracy</th><th>gain</th></tr></thead><tbody>
<tr><td>b</td><td>9.5 ± 0.2</td><td>-2.0</td></tr>
<tr><td>c</td><td>71.0 ± 1.3</td><td>+10.5</td></tr>
<tr><td>a</td><td>70.9 ± 0.1</td><td>+0.3</td></tr>
</tbody></table></body></html>"""


@pytest.fixture
def visit(browser, tmp_path):
    ship = "import pathlib, sys, scoreboard; scoreboard.ship_datatables(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", ship, str(tmp_path)], cwd=ROOT / "book", check=True)
    shutil.copy(ROOT / "book" / "_static" / "sortable.js", tmp_path)
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    with visiting(browser, (tmp_path / "page.html").as_uri()) as visit:
        yield visit


@pytest.mark.parametrize(("column", "ascending"), [(1, "abc"), (2, "bac"), (3, "bac")])
def test_a_click_on_the_head_sorts_by_number_or_word(visit, column, ascending):
    from playwright.sync_api import expect

    names = visit.page.locator("tbody td:first-child")
    head = visit.page.locator(f"th:nth-child({column})")
    visit.page.locator("table.dataTable").wait_for(timeout=10_000)
    expect(names).to_have_text(["b", "c", "a"])
    head.click()
    expect(names).to_have_text(list(ascending))
    head.click()
    expect(names).to_have_text(list(reversed(ascending)))
    expect(visit.page.locator("tbody tr:first-child td:nth-child(2)")).to_contain_text("±")
    assert visit.problems == []
