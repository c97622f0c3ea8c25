"""What becomes a slide, on a notebook of a few cells; `tests/site/test_slides_open.py` opens slides in a browser."""

import pytest
from cells import code, markdown, notebook

from labelbook import chapters, slides, teaching

IDEA = """## The idea: a formula

A first sentence. And $x$ goes to <b>y</b>. The loss is

$$
L = \\frac{a < b}{c}
$$

Here $L$ is the loss.

Then comes a second one:

$$M = 2$$

Nothing is said about it.
"""


def figure(*tags):
    cell = code("draw()", *tags)
    cell["metadata"]["mystnb"] = {"image": {"alt": 'A "line" that falls.'}}
    cell["outputs"] = [{"output_type": "display_data", "data": {"image/png": "AAAA\n", "text/plain": "<Figure>"}}]
    return cell


def said(text):
    cell = code("display(...)")
    cell["outputs"] = [{"output_type": "display_data", "data": {"text/markdown": [text], "text/plain": "Markdown"}}]
    return cell


def table(*tags):
    cell = code("frame", *tags)
    cell["outputs"] = [{"output_type": "execute_result", "data": {"text/html": "<table></table>", "text/plain": "t"}}]
    return cell


def stacks(*cells):
    return slides.slides(notebook(*cells))


def test_the_title_is_the_first_slide():
    (first,) = stacks(markdown("# Trust *them*\n\nBy A. Author.\n\n**When?** Often."), code("import labelbook"))
    assert "<h1>Trust <em>them</em></h1>" in first[0]
    assert "<strong>When?</strong> Often." in first[0]
    assert len(first) == 1


def test_a_heading_comes_with_the_sentences_that_open_its_section():
    long = "A sentence of five words. " * 30
    ((only,),) = stacks(markdown(f"## The problem: it lies\n\n{long}\n\nAnother paragraph."))
    assert "<h2>The problem: it lies</h2>" in only
    assert 40 <= only.count(" ") <= slides.MANY_WORDS + 10
    assert "Another" not in only


def test_formulas_of_the_idea_come_with_what_is_said_about_them():
    ((heading, first, second),) = stacks(markdown(IDEA))
    assert "The loss is" not in heading, "a sentence that goes on in a formula is no opening"
    assert r"\[" in first
    assert r"L = \frac{a &lt; b}{c}" in first
    assert "&lt;b&gt;y&lt;/b&gt;" in first, "HTML stays words"
    assert first.index("The loss is") < first.index(r"\[") < first.index("is the loss")
    assert "second one:" in second
    assert "Nothing" not in second
    assert '<p class="section">The idea</p>' in second


def test_formulas_elsewhere_get_no_slide():
    ((_,),) = stacks(markdown(IDEA.replace("The idea", "The experiment")))


def test_the_method_shows_names_and_first_lines():
    source = 'import a\nX = 1\ndef f(x):\n    """Say *it* with $x$.\n\n    More."""\nclass _Hidden: pass\nclass G: pass'
    ((_, names),) = stacks(markdown("## The method: f\n\nWords."), code(source, "method"))
    assert "<dt><code>f</code></dt><dd>Say <em>it</em> with" in names
    assert r"\(x\)" in names
    assert "<code>G</code>" in names
    assert not any(word in names for word in ("_Hidden", "More", "import"))
    many = "\n".join(f"def f{i}(): pass" for i in range(slides.MANY_NAMES + 1))
    ((_, *pages),) = stacks(markdown("## The method: f\n\nWords."), code(many, "method"))
    assert len(pages) == 2


def test_worked_examples_show_code_and_what_it_prints():
    example = code("print(1 < 2)", "nbval-check-output", printed="True & <so>\n")
    ((_, slide),) = stacks(markdown("## By hand: it\n\nWords."), example)
    assert '<pre class="code"' in slide
    assert "True &amp; &lt;so&gt;" in slide


def test_figures_and_claims_are_shown_and_the_rest_is_not():
    claim = said("**Not reproduced**: It is better.\n\n- by 2: <i>no</i>")
    cells = [figure(), table(), said("Some words."), claim, code("f()", printed="printed")]
    ((_, picture, verdict),) = stacks(markdown("## What we measured: it\n\nWords."), *cells)
    assert 'alt="A &quot;line&quot; that falls."' in picture
    assert 'src="data:image/png;base64,AAAA"' in picture
    assert 'data-verdict="not reproduced"' in verdict
    assert "&lt;i&gt;" in verdict


def test_tags_overrule():
    text = markdown("## The problem: it\n\nWords."), markdown("All of this.\n\n<b>Bold.</b>", "slide")
    ((_, shown, whole),) = stacks(*text, table("slide"), figure("skip"))
    assert "All of this." in shown
    assert "<b>Bold.</b>" in shown
    assert "<table></table>" in whole
    assert '<pre class="code"' in whole


def test_exercises_have_a_slide_each_and_references_none():
    text = "## Exercises\n\n1. Do.\n\n<details>\n\nSecret.\n\n</details>\n\n2. Extend $x$.\n\n## References\n\n- One."
    (found,) = stacks(markdown(text))
    assert len(found) == 3
    assert "<strong>1.</strong> Do." in found[1]
    assert "Secret" not in "".join(found)


def test_the_document_is_whole_and_fetches_nothing():
    made = slides.document(notebook(markdown("# T"), markdown("## The problem: </script>\n\n$x$.")), "T & <so>")
    assert "<title>T &amp; &lt;so&gt;</title>" in made
    assert made.count("<section>") == 4
    assert not any(f'{attribute}="http' in made for attribute in ("src", "link href"))
    assert "<script src" not in made


def test_missing_tools_are_named(monkeypatch):
    monkeypatch.setattr(slides.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(slides.ToolsMissing, match=r"package sphinx-revealjs, pinned in requirements\.txt"):
        slides.document(notebook(markdown("# T")), "T")


def test_an_unknown_or_unwritten_chapter_gets_no_slides():
    with pytest.raises(chapters.UnknownChapter, match="Did you mean nacl"):
        slides.write_slides("naacl")
    planned = next(c for c in chapters.catalogue().chapters if not c.written)
    with pytest.raises(chapters.NotebookError, match="planned but not written yet"):
        teaching.write_handout(planned.slug)
