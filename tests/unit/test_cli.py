"""The command line: what it prints, how it ends, and that it starts fast."""

import io
import json
import subprocess
import sys

import pytest
from rich.console import Console
from typer.testing import CliRunner

from labelbook import __main__ as cli
from labelbook import chapters, execute, resources, results, run, teaching


def call(*arguments, code=0):
    result = CliRunner().invoke(cli.app, list(arguments), prog_name="labelbook")
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def empty_results(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELBOOK_RESULTS", str(tmp_path))
    return tmp_path


# -------------------------------------------------------------------------------------------------------------- help


def test_help_comes_without_pytorch():
    program = (
        "import sys\nfrom labelbook.__main__ import app\ntry:\n    app(['list', '--help'])\nexcept SystemExit: pass\n"
        "print({'torch', 'numpy', 'papermill', 'pandas'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"
    assert "--status" in done.stdout


@pytest.mark.parametrize("command", ["list", "run", "fresh", "determinism", "slides", "handout", "doctor"])
def test_each_command_explains_itself(command):
    assert len(call(command, "--help").split()) > 20


def test_the_profiles_of_the_help_are_those_of_the_library():
    assert cli.PROFILES == run.PROFILES


# -------------------------------------------------------------------------------------------------------------- list


def test_the_list_has_every_chapter_and_comparison_of_the_catalogue(empty_results):
    rows = json.loads(call("list", "--json"))
    book = chapters.catalogue()
    assert [row["slug"] for row in rows] == [entry.slug for entry in (*book.chapters, *book.comparisons)]
    assert {row["status"] for row in rows} <= {"planned", "never run"}
    table = call("list")
    assert all(slug in table for slug in ("confident-learning", "adaquant"))


def test_the_list_can_be_narrowed(empty_results):
    rows = json.loads(call("list", "--part", "dense", "--json"))
    assert {row["part"] for row in rows} == {"dense"}
    assert json.loads(call("list", "--status", "current", "--json")) == []


@pytest.mark.parametrize("option", ["--part", "--status", "--profile"])
def test_an_unknown_filter_is_one_line(option):
    assert call("list", option, "no-such", code=2).startswith(
        f"Error: there is no {option[2:]} 'no-such'; choose one of"
    )


def test_a_row_has_state_and_verdicts(empty_results, monkeypatch):
    chapter = chapters.catalogue().chapters[0]
    claim = results.claim("Better", differences=[1.0, 1.1, 0.9], at_least=0.5)
    record = {"schema": 1, "slug": chapter.slug, "profile": "smoke", "source": "embedded", "code": "x", "scores": []}
    path = resources.results_folder("smoke") / f"{chapter.slug}.json"
    results.write_whole(path, json.dumps(record | {"claims": [claim.to_dict()]}))
    monkeypatch.setattr(chapters, "state", lambda chapter, profile: "stale")
    assert cli._row(chapter, "smoke")["verdicts"] == ["reproduced"]
    path.write_text("{")
    assert cli._row(chapter, "smoke")["status"] == "damaged"


# --------------------------------------------------------------------------------------------------------------- run


def outcomes(*states):
    return [execute.Outcome(f"chapter-{i}", state) for i, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["finished", "current"], 0),
        (["finished", "failed"], 1),
        (["failed", "interrupted"], 130),
        ([], 0),
    ],
)
def test_exit_codes(monkeypatch, states, code):
    monkeypatch.setattr(execute, "run_chapters", lambda *_, **__: outcomes(*states))
    printed = call("run", "--profile", "smoke", code=code)
    assert printed.rstrip().endswith("." if states else "no chapter is written yet.")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (run.ProfileError("no such profile"), "no such profile"),
        (chapters.NotebookError("broken"), "broken"),
        (execute.CheckoutNeeded("git clone"), "git clone"),
        (execute.SourceError("a name"), "a name"),
    ],
)
def test_what_a_user_can_cause_is_one_line_and_exit_code_2(monkeypatch, error, text):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(execute, "run_chapters", refuse)
    assert call("run", code=2) == f"Error: {text}\n"


def test_the_summary_shows_each_failure_with_cell_and_traceback():
    failed = execute.Outcome(
        "rcal", "failed", cell=3, line="x = [1/0]", seconds=2, peak_mib=80, why="ZeroDivisionError: by 0"
    )
    failed.traceback, failed.remarks = "\x1b[31m----> 1 x = [1/0]\x1b[0m", ["used too much"]
    finished = execute.Outcome(
        "capro", "finished", seconds=3, peak_mib=100, verdicts=("reproduced", "reproduced", "undecided")
    )
    console = Console(file=io.StringIO(), width=100)
    cli._show_summary(console, [failed, finished])
    printed = console.file.getvalue()
    assert "2 reproduced, 1 undecided" in printed
    assert "rcal: used too much" in printed
    assert (
        "rcal: failed in cell 3: ZeroDivisionError: by 0 (2 s, 80 MiB)\nCell 3 begins: x = [1/0]\n----> 1 x = [1/0]"
        in printed
    )
    assert printed.endswith("1 failed, 1 finished.\n")


def test_a_terminal_shows_a_live_table_of_what_runs():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    outcome = execute.Outcome(
        "rcal", "running", cell=3, cells=12, line="train(model)", seconds=5, limit=60, peak_mib=321
    )
    with cli._progress(console, "smoke") as notify:
        notify(outcome)
    shown = console.file.getvalue()
    for text in ("rcal", "3/12", "5 s", "20 CPU-s, stop at 60 s", "321 MiB", "train(model)", "1 running"):
        assert text in shown
    assert "started" not in shown


# ---------------------------------------------------------------------------------------------------------- teaching


@pytest.mark.parametrize("command", ["slides", "handout"])
def test_slides_and_handouts_of_no_chapter_end_with_a_sentence(command):
    assert "there is no chapter 'naacl'. Did you mean nacl" in call(command, "naacl", code=2)
    planned = next(c for c in chapters.catalogue().chapters if not c.written)
    assert "planned but not written yet" in call(command, planned.slug, code=2)


def test_the_command_says_where_the_handout_is(tmp_path, monkeypatch):
    monkeypatch.setattr(teaching, "out_folder", lambda kind: tmp_path / kind)
    slug = chapters.catalogue().written[0].slug
    printed = call("handout", slug).strip()
    assert printed.endswith(f"handout/{slug}.ipynb")
    written = json.loads((tmp_path / "handout" / f"{slug}.ipynb").read_text())
    assert teaching.YOUR_TURN in chapters.code_cells(written, tag="method")[0] + json.dumps(written)


# ------------------------------------------------------------------------------------------------------------ doctor


def test_the_doctor_names_what_it_found(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    rows = {name: (ok, says) for name, ok, says in cli._findings()}
    assert rows["embedded data"][0] is True
    assert {"Python", "PyTorch", "memory", "free disk", "cache", "Chromium", "run smoke", "run book", "run gpu"} <= set(
        rows
    )
    assert "run smoke" in call("doctor")


def test_the_doctor_finds_damaged_data(monkeypatch):
    def damaged(name):
        raise resources.DataError(f"{name} is damaged")

    monkeypatch.setattr(resources, "verified", damaged)
    rows = {name: (ok, says) for name, ok, says in cli._findings()}
    assert rows["embedded data"][0] is False
    assert rows["run smoke"] == (False, "embedded data damaged")
    call("doctor", code=1)


def test_the_doctor_says_why_a_gpu_run_is_not_possible(monkeypatch):
    monkeypatch.setattr(cli, "_torch", lambda: (False, "CPU"))
    rows = {name: (ok, says) for name, ok, says in cli._findings()}
    assert rows["run gpu"] == (False, "no CUDA GPU")
