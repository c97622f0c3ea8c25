"""What goes wrong in chapters, and what the runner makes of it: real processes, real notebooks, real signals."""

import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from faults.tiny_book import EATS, TinyBook, cell, edit, running, wait_for

import labelbook.run
from labelbook import chapters, execute, results

# ----------------------------------------------------------------------------------- one bad day: a run of everything

LEAVES_A_DAEMON = (
    "import os, subprocess, sys\n"
    "daemon = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
    "open('daemon', 'w').write(str(daemon.pid))\n"
    "print('about to die')\n"
)
CLAIM = "claims = [results.claim('Better', differences=[1.0, 1.1, 0.9], at_least=0.5).to_dict()]"
TIME_LIMIT = 20
PRINTS = "for _ in range(1000):\n    print('x' * 100_000)"  # 100 MB
RUNNERS_PEAK = "import os, re\nprint(re.search(r'VmHWM:\\s*(\\d+)', open(f'/proc/{os.getppid()}/status').read())[1])"
FORKS = (
    "import os, time\nif os.fork() == 0:\n    time.sleep(600)\nfork = os.fork()\nprint('parent' if fork else 'child')"
)
# Python runs this file at the start of each process, the kernels' too: at each look it is an hour earlier.
CLOCK = "import itertools, time\ntrue, looks = time.time, itertools.count()\ntime.time = lambda: true() - 3600 * next(looks)\n"


@pytest.fixture(scope="module")
def bad_day(tmp_path_factory):
    book = TinyBook(tmp_path_factory.mktemp("book"))
    clock = book.root / "clock" / "sitecustomize.py"
    clock.parent.mkdir()
    clock.write_text(CLOCK)
    book.add("hangs", "print('before the hang')", "# wait for ever\nimport time; time.sleep(600)")
    book.add("well", "from labelbook import results", CLAIM)
    book.add("raises", "print('so far, so good')", "x = 1\nx / 0", "print('never')")
    book.add("eats", EATS)
    book.add("killed", LEAVES_A_DAEMON, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    book.add("leaves", "import os\nos._exit(3)")
    book.add("forgets", "print('no record')", save=False)
    book.add("prints", PRINTS, RUNNERS_PEAK)
    book.add("forks", FORKS, "import time\nprint('earlier' if time.time() > time.time() else 'later')")
    path = book.add("saves-then-fails")
    edit(path, lambda content: content["cells"].append(cell("raise OSError('too late')")))
    limits = ("--seconds", str(TIME_LIMIT), "--memory-gib", "1")
    places = os.pathsep.join([str(clock.parent), book.environment["PYTHONPATH"]])
    book.code, book.printed = book.cli("run", "--profile", "smoke", "--jobs", "2", *limits, PYTHONPATH=places)
    return book


def told(book, slug):
    """The line about the end of a chapter."""
    return next(line for line in book.printed.splitlines() if line.startswith((f"{slug}: failed", f"{slug}: finished")))


def test_a_failure_makes_the_exit_code_1(bad_day):
    assert bad_day.code == 1
    assert bad_day.printed.splitlines()[-1] == "7 failed, 3 finished."


def test_the_others_still_finish(bad_day):
    assert "well: finished" in told(bad_day, "well")
    assert results.read_record(bad_day.record("well"))["slug"] == "well"
    assert "1 reproduced" in bad_day.printed


def test_elsewhere_than_on_a_terminal_there_is_one_line_at_each_start_and_end(bad_day):
    table = bad_day.printed.index("┏")
    lines = bad_day.printed[:table].splitlines()
    assert sorted(line.split(":")[0] for line in lines if ": started" in line) == sorted(bad_day.slugs)
    assert sorted(line.split(":")[0] for line in lines if ": started" not in line) == sorted(bad_day.slugs)
    assert "\x1b" not in bad_day.printed


def test_a_cell_that_raises_is_shown_with_its_traceback(bad_day):
    assert "raises: failed in cell 3: ZeroDivisionError: division by zero" in bad_day.printed
    assert "Cell 3 begins: x = 1" in bad_day.printed
    assert "In[3], line 2" in bad_day.printed
    assert "----> 2 x / 0" in bad_day.printed
    assert not bad_day.record("raises").exists()


def test_nothing_that_was_computed_before_the_failure_is_lost(bad_day):
    for slug, last_words in (("raises", "so far"), ("hangs", "before the hang"), ("killed", "about to die")):
        assert last_words in bad_day.executed(slug).read_text()


def test_a_cell_that_hangs_is_stopped_at_the_time_limit(bad_day):
    assert f"failed in cell 3: stopped at the time limit of {TIME_LIMIT} s" in told(bad_day, "hangs")
    assert "Cell 3 begins: # wait for ever" in bad_day.printed


def test_a_cell_that_eats_memory_is_stopped_at_the_memory_limit(bad_day):
    assert "failed in cell 2: stopped at the memory limit of 1 GiB" in told(bad_day, "eats")


def test_a_kernel_that_is_killed_is_reported_as_such(bad_day):
    assert "failed in cell 3: the kernel was killed by signal 9" in told(bad_day, "killed")
    assert "failed in cell 2: the kernel ended early with exit code 3" in told(bad_day, "leaves")


def test_processes_that_a_chapter_left_behind_are_gone(bad_day):
    daemon = int((bad_day.notebook("killed").parent / "daemon").read_text())
    assert not running(daemon)
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(bad_day.root) in " ".join(p.info["cmdline"] or [])]


def shown(book, slug):
    """What each code cell of an executed copy printed."""
    cells = [c for c in json.loads(book.executed(slug).read_text())["cells"] if c["cell_type"] == "code"]
    return ["".join("".join(output.get("text", "")) for output in c["outputs"]) for c in cells]


def test_a_clock_that_runs_backwards_moves_no_limit(bad_day):
    assert "earlier\n" in shown(bad_day, "forks"), "the clock of the kernels did run backwards"
    seconds = {slug: float(re.search(r"\((\d+) s, ", told(bad_day, slug))[1]) for slug in bad_day.slugs}
    assert TIME_LIMIT <= seconds["hangs"] < TIME_LIMIT + 10
    assert all(0 <= value <= TIME_LIMIT for slug, value in seconds.items() if slug != "hangs")


def test_a_cell_that_forks_does_no_harm(bad_day):
    assert "forks: finished" in told(bad_day, "forks")
    assert "parent\n" in "".join(shown(bad_day, "forks"))


def test_a_flood_of_output_is_cut_off_and_said_so(bad_day):
    assert "prints: finished" in told(bad_day, "prints")
    said = "cut off: a cell may show 4,000,000 characters"
    assert f"prints: the output that begins with {'x' * 40!r} is {said}" in bad_day.printed
    *_, flood, peak, _ = shown(bad_day, "prints")
    assert flood.endswith(f"x\n[{said}]\n")
    assert 4_000_000 < len(flood) < 4_000_100
    assert int(peak) < 500_000, "KiB of memory of the process that runs the notebook"


def test_a_chapter_that_saves_no_record_has_failed(bad_day):
    assert "failed: finished, record not stored: no new forgets.json is there" in told(bad_day, "forgets")


def test_the_record_of_a_run_that_failed_later_does_not_count(bad_day):
    assert "OSError: too late" in told(bad_day, "saves-then-fails")
    assert not bad_day.record("saves-then-fails").exists()
    aside = bad_day.executed("saves-then-fails").with_suffix(".json")
    assert results.read_record(aside)["slug"] == "saves-then-fails"


def test_the_second_run_takes_up_what_is_missing(bad_day):
    edit(bad_day.notebook("raises"), lambda content: content["cells"][3].update(source="x = 1\nx / 1"))
    code, printed = bad_day.cli("run", "well", "raises", "--profile", "smoke")
    assert code == 0
    assert "well: current, skipped (use --force)" in printed
    assert "raises: finished" in printed
    assert "well: started" not in printed


# ----------------------------------------------------------------------------------------------------- interruptions


def slow_cell(name):
    """Says who it is, then waits until a file `go` is there."""
    return (
        f"import os, pathlib, time\nprint('begun')\npathlib.Path('{name}.pid').write_text(str(os.getpid()))\n"
        "while not pathlib.Path('go').exists():\n    time.sleep(0.05)"
    )


def test_ctrl_c_keeps_what_is_finished_and_the_next_run_resumes(book):
    for slug in ("quick", "slow", "slower"):
        book.add(slug, slow_cell(slug) if slug != "quick" else "1 + 1")
    process = book.start("run", "--profile", "smoke")
    pid = book.notebook("slow").with_name("slow.pid")
    wait_for(pid.exists)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 130, printed
    assert "quick: finished" in printed
    assert "slow: interrupted in cell 2" in printed
    assert "1 finished, 2 interrupted." in printed
    assert "slower: started" not in printed
    assert not running(int(pid.read_text()))
    assert "begun" in book.executed("slow").read_text()
    assert not list(book.root.glob("labelbook-*")), "the runner's own temporary folder is gone"

    pid.with_name("go").touch()
    code, printed = book.cli("run", "--profile", "smoke", "--jobs", "2")
    assert code == 0, printed
    assert "quick: current, skipped" in printed
    assert printed.count(": started") == 2
    assert "2 finished" in printed


def test_a_second_ctrl_c_ends_everything_at_once(book):
    book.add("quick", "1 + 1")
    book.add("slow", slow_cell("slow"))
    process = book.start("run", "--profile", "smoke")
    pid = book.notebook("slow").with_name("slow.pid")
    wait_for(pid.exists)
    psutil.Process(int(pid.read_text())).parent().suspend()  # so that the runner is still waiting for it
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=execute.GRACE)
    assert process.returncode == 130, printed
    assert "Traceback" not in printed
    assert not running(int(pid.read_text()))
    assert results.read_record(book.record("quick"))["slug"] == "quick"
    assert not book.record("slow").exists()


def test_two_runs_at_once_share_the_chapters_and_each_runs_once(book):
    counting = "with open('{0}.runs', 'a') as runs:\n    print('run', file=runs)"
    for slug in ("slow", "other"):
        book.add(slug, counting.format(slug), slow_cell(slug) if slug == "slow" else "1 + 1")
    first = book.start("run", "slow", "--profile", "smoke")
    wait_for(book.notebook("slow").with_name("slow.pid").exists)
    second = book.start("run", "--profile", "smoke")
    wait_for(book.record("other").exists)
    book.notebook("slow").with_name("go").touch()
    printed = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), printed
    assert "slow: waits for another run of it to end" in printed[1]
    assert "slow: current, skipped" in printed[1]
    for slug in ("slow", "other"):
        assert book.notebook(slug).with_name(f"{slug}.runs").read_text() == "run\n"
        assert results.read_record(book.record(slug))["slug"] == slug


def test_a_runner_that_is_killed_takes_its_kernels_along(book):
    book.add("slow", slow_cell("slow"))
    process = book.start("run", "--profile", "smoke")
    pid = book.notebook("slow").with_name("slow.pid")
    wait_for(pid.exists)
    process.kill()
    process.communicate()
    wait_for(lambda: not running(int(pid.read_text())), seconds=10)


# ---------------------------------------------------------------------------------------- refused before anything starts


def test_an_unknown_chapter_is_one_line_and_exit_code_2(book):
    book.add("well", "1 + 1")
    code, printed = book.cli("run", "wel", "--profile", "smoke")
    assert (code, printed) == (2, "Error: there is no chapter 'wel'. Did you mean well?\n")
    assert not (book.root / "build").exists()


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("smok", "there is no profile 'smok'; choose one of smoke, book, gpu. Did you mean smoke?"),
        ("gpu", "profile 'gpu' needs a CUDA GPU and this machine has none."),
    ],
)
def test_a_profile_that_cannot_run_is_refused(book, run, profile, message):
    book.add("well", "1 + 1")
    with pytest.raises(labelbook.run.ProfileError) as raised:
        run("well", profile=profile)
    assert str(raised.value).startswith(message)
    assert not (book.root / "build").exists()


SPOIL = {
    "no parameters": lambda content: content["cells"][1]["metadata"].clear(),
    "no kernelspec": lambda content: content["metadata"].clear(),
    "no outputs": lambda content: content["cells"][1].pop("outputs"),
    "no Python": lambda content: content["cells"][2].update(source="1 +"),
    "not JSON": None,
}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no parameters", "no code cell is tagged `parameters`"),
        ("no kernelspec", "its metadata has no kernelspec"),
        ("no Python", "a code cell is not Python"),
        ("no outputs", "a cell or the metadata is malformed"),
        ("not JSON", "is not a notebook"),
    ],
)
def test_a_notebook_that_cannot_run_is_refused_before_others_start(book, run, how, message):
    book.add("well", "1 + 1")
    path = book.add("broken", "1 + 1")
    if SPOIL[how]:
        edit(path, SPOIL[how])
    else:
        path.write_text("{not JSON")
    with pytest.raises(chapters.NotebookError, match=message) as raised:
        run("well", "broken")
    assert "broken.ipynb" in str(raised.value)
    assert not (book.root / "build").exists()


def test_a_planned_chapter_is_refused(book, run):
    book.add("planned").unlink()
    with pytest.raises(chapters.NotebookError, match="planned but not written yet"):
        run("planned")


def test_a_source_is_a_name(book, run):
    book.add("well")
    with pytest.raises(execute.SourceError, match=r"not '\.\./elsewhere'"):
        run("well", source="../elsewhere")


def test_outside_of_a_checkout_there_is_a_hint(book, run):
    book.add("well")
    (book.root / "book" / "catalogue.yml").unlink()
    with pytest.raises(execute.CheckoutNeeded, match="git clone"):
        run("well")


# ------------------------------------------------------------------------------------------------------------ records


def test_records_that_cannot_be_read_are_remarked_on_and_their_chapters_run_again(book, run):
    for slug, content in (("damaged", '{"schema": 1, "slug"'), ("older", '{"schema": 0, "results": {}}')):
        book.add(slug, "1 + 1")
        book.record(slug).parent.mkdir(parents=True, exist_ok=True)
        book.record(slug).write_text(content)
    outcomes = run()
    assert [outcome.state for outcome in outcomes.values()] == ["finished", "finished"]
    assert "damaged.json is damaged: not JSON" in outcomes["damaged"].remarks[0]
    assert "older.json has schema 0, this version of labelbook reads 1." in outcomes["older"].remarks[0]
    assert [results.read_record(book.record(slug))["slug"] for slug in outcomes] == ["damaged", "older"]
    assert run()["older"].state == "current"
    assert run("damaged", force=True)["damaged"].state == "finished"


def test_a_results_folder_that_cannot_be_written_to_is_a_failure_that_says_where_the_record_is(book, run, monkeypatch):
    (book.root / "a-file").touch()
    monkeypatch.setenv("LABELBOOK_RESULTS", str(book.root / "a-file"))
    book.add("well", "import labelbook\nrun = labelbook.start('well', profile, source)\nrun.save()", save=False)
    outcome = run()["well"]
    assert outcome.state == "failed"
    assert outcome.why.startswith("finished, record not stored: The record could not be written to ")
    kept = outcome.why.split("It is kept in ")[1].split(":")[0]
    assert results.read_record(Path(kept))["slug"] == "well"


def test_the_results_folder_may_be_relative_and_each_source_has_its_own_record(book, run, monkeypatch):
    monkeypatch.setenv("LABELBOOK_RESULTS", "elsewhere")
    monkeypatch.chdir(book.root)
    book.add("well", "1 + 1")
    assert run(source="real")["well"].state == "finished"
    assert (book.root / "elsewhere" / "smoke" / "well.real.json").exists()
    assert (book.root / "build" / "executed" / "smoke" / "well.real.ipynb").exists()
    assert run(source="real")["well"].state == "current"


def test_a_source_that_cannot_be_had_is_a_remark(book, run):
    sentence = "Source 'real' cannot be had here: no network. Using the embedded data instead."
    book.add("well", f"wanted, source = source, 'embedded'\nprint({sentence!r})")
    outcome = run(source="real")["well"]
    assert (outcome.state, outcome.remarks) == ("finished", [sentence])


@pytest.fixture
def full_disk(tmp_path):
    """A folder on a disk of 64 KiB with no room left."""
    folder = tmp_path / "full"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("only an administrator can mount a small disk")
    try:
        (folder / "old.json").write_text("old")
        with contextlib.suppress(OSError), open(folder / "all-there-is", "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_on_a_full_disk_old_files_stay_and_the_record_is_kept_elsewhere(book, run, full_disk, monkeypatch):
    monkeypatch.setenv("LABELBOOK_RESULTS", str(full_disk))
    book.add("well", "import labelbook\nrun = labelbook.start('well', profile, source)\nrun.save()", save=False)
    outcome = run()["well"]
    assert outcome.state == "failed"
    assert "(No space left on device). It is kept in " in outcome.why
    assert results.read_record(Path(outcome.why.split("It is kept in ")[1].split(":")[0]))["slug"] == "well"
    with pytest.raises(OSError, match="No space left on device"):
        results.write_whole(full_disk / "old.json", "new" * 10_000)
    assert (full_disk / "old.json").read_text() == "old"
    assert not list(full_disk.glob("**/*.part"))


def test_a_full_disk_for_executed_copies_and_pages_is_a_failure_that_changes_nothing(book, run, full_disk, monkeypatch):
    path, write_whole = book.add("well", "1 + 1"), results.write_whole
    (book.root / "build").symlink_to(full_disk)
    outcome = run()["well"]
    assert (outcome.state, "No space left on device" in outcome.why) == ("failed", True)

    (book.root / "build").unlink()
    before = path.read_bytes()

    def full_for_pages(target, text):
        if target.suffix == ".ipynb":
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        write_whole(target, text)

    monkeypatch.setattr(results, "write_whole", full_for_pages)
    outcome = run(profile="book")["well"]
    assert (outcome.state, "No space left on device" in outcome.why) == ("failed", True)
    assert path.read_bytes() == before
    assert not book.record("well", "book").exists()
    assert results.read_record(book.executed("well", "book").with_suffix(".json"))["slug"] == "well"


@pytest.mark.parametrize("death", ["os.kill(os.getpid(), 9)", "raise_(OSError(28, 'No space left on device'))"])
def test_a_record_is_written_whole_or_not_at_all(tmp_path, death):
    path = tmp_path / "record.json"
    path.write_text("old")
    program = (
        "import os, pathlib\nfrom labelbook import results\n"
        "def raise_(error): raise error\n"
        f"os.fsync = lambda handle: {death}\n"
        f"results.write_whole(pathlib.Path({str(path)!r}), 'new' * 10_000)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode != 0
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.glob("record*")] == ["record.json"]


# ------------------------------------------------------------------------------------------------------- published


def test_a_book_run_writes_outputs_back_and_nothing_else(book, run):
    noisy = "import sys, time\nprint('kept')\nprint('10%\\r100%')\nprint('a bar', file=sys.stderr)\n40 + 2  # a comment"
    expected = cell("raise ValueError('on purpose')", "raises-exception")
    path = book.add("well", noisy, expected, "import os\nprint(profile, source, os.environ['PYTHONHASHSEED'])")
    before = json.loads(path.read_text())
    outcome = run(profile="book")["well"]
    assert outcome.state == "finished", outcome
    after = json.loads(path.read_text())
    bare = [{k: v for k, v in c.items() if k not in ("outputs", "execution_count")} for c in after["cells"]]
    assert bare == [{k: v for k, v in c.items() if k not in ("outputs", "execution_count")} for c in before["cells"]]
    stream, value = after["cells"][2]["outputs"]
    assert stream["text"] == ["kept\n", "100%\n"]
    assert value["data"]["text/plain"] == ["42"]
    assert after["cells"][3]["outputs"][0]["ename"] == "ValueError"
    assert after["cells"][4]["outputs"][0]["text"] == ["book embedded 0\n"]
    assert [c["execution_count"] for c in after["cells"][1:]] == [1, 2, 3, 4, 5]
    assert after["metadata"]["labelbook"] == {"code": chapters.code_hash(before), "profile": "book"}
    assert "papermill" not in path.read_text()
    assert run(profile="book")["well"].state == "current"


def test_an_edit_during_the_run_is_not_overwritten(book, run):
    # Each chapter saves its record and then edits its own notebook, as an author might do at that moment.
    for slug, old, new in (("code", "1 + 1", "1 + 3"), ("prose", "A title", "A better one")):
        path = book.add(slug, "1 + 1")
        author = (
            f"p = __import__('pathlib').Path('{slug}.ipynb')\np.write_text(p.read_text().replace({old!r}, {new!r}, 1))"
        )
        edit(path, lambda content, author=author: content["cells"].append(cell(author)))
    outcomes = run(profile="book", jobs=2)

    edited = json.loads(book.notebook("code").read_text())
    assert outcomes["code"].state == "failed"
    assert "the notebook's code was edited while it ran" in outcomes["code"].why
    assert edited["cells"][2]["source"] == "1 + 3"
    assert edited["cells"][2]["outputs"] == []
    assert json.loads(book.executed("code", "book").read_text())["cells"][3]["outputs"] != []
    assert not book.record("code", "book").exists()

    edited = json.loads(book.notebook("prose").read_text())
    assert outcomes["prose"].state == "finished"
    assert edited["cells"][0]["source"] == "# A better one"
    assert edited["cells"][2]["outputs"][0]["data"]["text/plain"] == ["2"]


def test_an_edit_while_the_kernel_starts_does_not_make_a_record_of_code_that_did_not_run(book, run):
    author = "p = __import__('pathlib').Path('early.ipynb')\np.write_text(p.read_text().replace('1 + 1', '1 + 3', 1))"
    path = book.add("early", author, "1 + 1")
    outcome = run()["early"]
    assert (outcome.state, "1 + 3" in path.read_text()) == ("failed", True)
    assert "the notebook's code was edited while the kernel started" in outcome.why
    assert not book.record("early").exists()


def test_a_path_of_this_machine_is_not_published(book, run):
    path = book.add("talks", "import sys\nprint('I live in', sys.prefix)")
    before = path.read_text()
    outcome = run(profile="book")["talks"]
    assert outcome.state == "failed"
    assert "the output of code cell 2 (import sys) shows a path of this machine" in outcome.why
    assert path.read_text() == before
    assert not book.record("talks", "book").exists()
    outcome = run(profile="smoke")["talks"]
    assert outcome.state == "finished"
    assert outcome.remarks[0].startswith("in profile book this will fail: the output of code cell 2")


def test_a_kernel_is_this_python_with_its_share_of_the_cores(book, run, monkeypatch):
    another = book.root / "jupyter" / "kernels" / "python3" / "kernel.json"
    another.parent.mkdir(parents=True)
    another.write_text(json.dumps({"argv": ["/bin/false"], "display_name": "Another Python", "language": "python"}))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(book.root / "jupyter"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    monkeypatch.setattr(execute, "_cores", lambda: 6)
    names = "'OMP_NUM_THREADS', 'LABELBOOK_THREADS'"
    look = f"import os, sys, labelbook\nprint(sys.executable, labelbook.__file__, *[os.environ[n] for n in ({names})])"
    book.add("looks", look)
    run(profile="book", source="real", jobs=2)
    cells = json.loads(book.executed("looks.real", "book").read_text())["cells"]
    executable, library, *threads = "".join(cells[3]["outputs"][0]["text"]).split()
    assert os.path.samefile(executable, sys.executable)
    assert Path(library).is_relative_to(book.root)
    assert threads == ["3", "3"]
