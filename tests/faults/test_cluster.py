"""Chapters on a Dask cluster of this machine, whose workers live in a checkout of their own and are killed now and then."""

import contextlib
import json
import signal
import subprocess
import sys

import psutil
from faults.tiny_book import EATS, TinyBook, running, wait_for

from labelbook import results

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


def checkouts(tmp_path, **sources):
    """Two checkouts with the same chapters: the caller's, and that of the workers."""
    here, there = TinyBook(tmp_path / "here"), TinyBook(tmp_path / "there")
    for book in (here, there):
        for slug, cells in sources.items():
            book.add(slug, *cells)
    return here, there


def test_every_result_arrives_once_and_whole_though_a_worker_is_killed(tmp_path):
    chapters = {"slow": (counts("slow"), WAITS, CLAIM), "quick": (counts("quick"), "print('hello')")}
    chapters |= {"raises": (counts("raises"), "1 / 0"), "eats": (counts("eats"), EATS)}
    here, there = checkouts(tmp_path, **chapters)
    pid = there.notebook("slow").with_name("pid")
    with dask(there, 2) as (address, workers):
        process = here.start("run", "--profile", "book", "--scheduler", address, "--memory-gib", "0.4")
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
        record, page = results.read_record(here.record(slug, "book")), json.loads(here.notebook(slug).read_text())
        assert page["metadata"]["labelbook"] == {"code": record["code"], "profile": "book"}
    assert page["cells"][3]["outputs"][0]["text"] == ["hello\n"]

    # What failed is told as if it had failed here, and has not been tried again as if a machine had been lost.
    assert "raises: failed in cell 3: ZeroDivisionError: division by zero" in printed
    assert "----> 1 1 / 0" in printed
    assert "ZeroDivisionError" in here.executed("raises", "book").read_text()
    assert "eats: failed in cell 3: stopped at the memory limit of 0.4 GiB" in printed
    runs = {slug: there.notebook(slug).with_name(f"{slug}.runs").read_text().count("run") for slug in chapters}
    assert runs == {"slow": 2, "quick": 1, "raises": 1, "eats": 1}
    assert sorted(p.name for p in here.record("any", "book").parent.iterdir()) == ["quick.json", "slow.json"]
    assert not there.record("any", "book").parent.exists()


def test_a_chapter_that_kills_its_workers_is_given_up_and_ctrl_c_reaches_the_others(tmp_path):
    here, there = checkouts(tmp_path, kills=(KILLS_ITS_WORKER,), waits=(WAITS,), other=("1 + 1",))
    with dask(there, 3) as (address, workers):
        run = ("run", "--profile", "smoke", "--scheduler", address)
        code, printed = here.cli(*run, "kills")
        assert code == 1
        assert "kills: failed: its workers died: tcp://" in printed
        wait_for(lambda: [worker.poll() for worker in workers].count(None) == 1)

        process, pid = here.start(*run, "waits"), there.notebook("waits").with_name("pid")
        wait_for(pid.exists)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=30)
        assert (process.returncode, "waits: interrupted" in printed) == (130, True)
        wait_for(lambda: not running(int(pid.read_text())))

        # A library that differs would give other numbers.
        library = here.root / "src" / "labelbook" / "metrics.py"
        library.write_text(library.read_text() + "\n")
        code, printed = here.cli(*run, "other")
        assert code == 1
        assert "has another version of labelbook or of this chapter" in printed
        assert not here.record("other").exists()

        for worker in workers:
            worker.kill()
            worker.wait()
        wait_for(lambda: "Lost all workers" in (there.root / "scheduler.log").read_text())
        assert here.cli(*run, "other") == (
            2,
            f"Error: the Dask cluster at {address!r} has no workers. Start some: `dask worker {address}`\n",
        )
