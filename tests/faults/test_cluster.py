"""Chapters on a Dask cluster of this machine, whose workers live in a checkout of their own and are killed now and then."""

import contextlib
import json
import signal
import subprocess
import sys

import psutil
import pytest
from faults.tiny_book import EATS, TinyBook, running, wait_for

from labelbook import cluster, results

CLAIM = "from labelbook import results\nclaims = [results.claim('Better', differences=[1.0, 1.1, 0.9], at_least=0.5).to_dict()]"
# Waits for ever, the first time that it runs.
WAITS = (
    "import os, pathlib, time\nhere = pathlib.Path('pid')\n"
    "if not here.exists():\n    here.write_text(str(os.getpid()))\n    time.sleep(600)"
)
# As a chapter would that makes the system run out of memory: the worker goes, not only the kernel.
KILLS_ITS_WORKER = (
    "import psutil\nchain = psutil.Process().parents()\n"
    "next(p for p in chain if 'distributed.cli.dask_worker' in p.cmdline()).kill()\nimport time; time.sleep(600)"
)


def counts(slug):
    """A cell that notes each of its runs."""
    return f"with open('{slug}.runs', 'a') as runs:\n    print('run', file=runs)"


@contextlib.contextmanager
def dask(there, workers):
    """A scheduler and workers of the checkout `there`; gives the address, and the workers for a test to kill."""
    started, address = [], there.root / "scheduler.json"

    def start(kind, *arguments):
        command = [
            sys.executable,
            "-m",
            f"distributed.cli.dask_{kind}",
            "--scheduler-file",
            str(address),
            "--no-dashboard",
        ]
        with open(there.root / f"{kind}.log", "ab") as log:
            options = {"env": there.environment, "cwd": there.root, "stdout": log, "stderr": log}
            started.append(subprocess.Popen([*command, *arguments], **options))

    try:
        start("scheduler", "--host", "127.0.0.1", "--port", "0")
        for _ in range(workers):
            start("worker", "--no-nanny", "--nthreads", "1")
        log = there.root / "scheduler.log"
        wait_for(lambda: log.read_text().count("Register worker") == workers)
        yield json.loads(address.read_text())["address"], started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.fixture
def there(book):
    """The checkout of the workers."""
    return TinyBook(book.root / "there")


def add(here, there, **sources):
    for slug, cells in sources.items():
        here.add(slug, *cells)
        there.add(slug, *cells)


def test_every_result_arrives_once_and_whole_though_a_worker_is_killed(book, there):
    chapters = {"slow": (counts("slow"), WAITS, CLAIM), "quick": (counts("quick"), "print('hello')")}
    chapters |= {"raises": (counts("raises"), "1 / 0"), "eats": (counts("eats"), EATS)}
    add(book, there, **chapters)
    pid = there.notebook("slow").with_name("pid")
    with dask(there, 2) as (address, workers):
        process = book.start("run", "--profile", "book", "--scheduler", address, "--memory-gib", "0.4")
        wait_for(pid.exists)
        kernel = psutil.Process(int(pid.read_text()))
        above = {parent.pid for parent in kernel.parents()}
        next(worker for worker in workers if worker.pid in above).kill()
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 1, printed
    assert "2 finished, 2 failed." in printed
    assert "1 reproduced" in printed
    assert not running(kernel.pid), "a killed worker takes its kernel along"
    for slug in ("slow", "quick"):
        assert printed.count(f"{slug}: finished") == 1
        record, page = results.read_record(book.record(slug, "book")), json.loads(book.notebook(slug).read_text())
        assert page["metadata"]["labelbook"] == {"code": record["code"], "profile": "book"}
    assert page["cells"][3]["outputs"][0]["text"] == ["hello\n"]

    # What failed is told as if it had failed here, and has not been tried again as if a machine had been lost.
    assert "raises: failed in cell 3: ZeroDivisionError: division by zero" in printed
    assert "----> 1 1 / 0" in printed
    assert "ZeroDivisionError" in book.executed("raises", "book").read_text()
    assert "eats: failed in cell 3: stopped at the memory limit of 0.4 GiB" in printed
    runs = {slug: there.notebook(slug).with_name(f"{slug}.runs").read_text().count("run") for slug in chapters}
    assert runs == {"slow": 2, "quick": 1, "raises": 1, "eats": 1}
    assert sorted(p.name for p in book.record("any", "book").parent.iterdir()) == ["quick.json", "slow.json"]
    assert not there.record("any", "book").parent.exists()


def test_the_seeds_of_one_chapter_are_shared_among_workers(book, there, run):
    claim = "import os\n" + CLAIM.replace("[1.0,", "[1 + int(os.environ['LABELBOOK_SEED_OFFSET']) / 1e6,")
    add(book, there, slow=(claim, counts("slow"), WAITS))
    book.notebook("slow").with_name("pid").write_text("")  # only a fresh draw waits
    run(profile="book")
    with dask(there, 2) as (address, workers):
        process = book.start("fresh", "--draws", "3", "--scheduler", address)
        pid = there.notebook("slow").with_name("pid")
        wait_for(lambda: pid.exists() and pid.read_text())
        above = {parent.pid for parent in psutil.Process(int(pid.read_text())).parents()}
        next(worker for worker in workers if worker.pid in above).kill()
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert printed.count("): finished") == 3
    (claim,) = map(results.Claim.from_dict, results.read_record(book.record("slow", "fresh"))["claims"])
    assert claim.conditions[0].differences[::3] == (1.01, 1.02, 1.03)
    assert (
        len(there.notebook("slow").with_name("slow.runs").read_text().splitlines()) == 4
    )  # one was lost with its worker


def test_a_chapter_that_kills_its_workers_is_given_up_and_ctrl_c_reaches_the_others(book, there, run):
    add(book, there, kills=(KILLS_ITS_WORKER,), waits=(WAITS,), other=("1 + 1",))
    with dask(there, 3) as (address, workers):
        outcome = run("kills", scheduler=address)["kills"]
        assert (outcome.state, outcome.why[:25]) == ("failed", "its workers died: tcp://1")
        wait_for(lambda: [worker.poll() for worker in workers].count(None) == 1)

        process = book.start("run", "waits", "--profile", "smoke", "--scheduler", address)
        pid = there.notebook("waits").with_name("pid")
        wait_for(pid.exists)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=30)
        assert (process.returncode, "waits: interrupted" in printed) == (130, True)
        wait_for(lambda: not running(int(pid.read_text())))

        # A library that differs would give other numbers.
        library = book.root / "src" / "labelbook" / "metrics.py"
        library.write_text(library.read_text() + "\n")
        outcome = run("other", scheduler=address)["other"]
        assert outcome.state == "failed"
        assert "has another version of labelbook or of this chapter" in outcome.why
        assert not book.record("other").exists()

        for worker in workers:
            worker.kill()
            worker.wait()
        wait_for(lambda: "Lost all workers" in (there.root / "scheduler.log").read_text())
        with pytest.raises(cluster.ClusterError, match=r"has no workers. Start some: `dask worker tcp://127"):
            run("other", scheduler=address)


@pytest.mark.parametrize("address", ["", "10.0.0.1", "http://10.0.0.1:80"])
def test_what_cannot_be_the_address_of_a_scheduler_is_refused(book, run, address):
    book.add("well", "1 + 1")
    with pytest.raises(cluster.ClusterError, match=r"looks like tcp://10.0.0.1:8786, not "):
        run("well", scheduler=address)


def test_without_dask_the_message_says_how_to_get_it(book, run, monkeypatch):
    book.add("well", "1 + 1")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(cluster.ClusterError, match=r"pip install 'labelbook\[cluster\]'"):
        run("well", scheduler="tcp://127.0.0.1:8786")
