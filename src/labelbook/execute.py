"""Runs chapters: each one in processes of its own, inside limits, so that a chapter that fails costs only itself.

The parent (`run_chapters`) starts `python -m labelbook.execute JOB` for each chapter. That child executes the notebook with
papermill, saves the executed copy before and after every cell, and reports each cell as a line of JSON on its standard
output. The parent reads these lines, watches time and memory, and looks after what is left behind:

- the executed copy, whole or partial, in `build/executed/<profile>/`, whatever happened;
- the record in `data/results/<profile>/`, only of a run that reached its end: after any other, the old one is put back;
- for profile `book` on the embedded data, the chapter's notebook with its new outputs and nothing else changed (`clean`).
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import functools
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from . import chapters, resources, results
from .notebooks import (
    Unpublishable,
    added_by_papermill,
    check_notebook,
    clean,
    first_line,
    merged_streams,
    with_outputs,
)

HARD_STOP = 3  # wall seconds for each CPU-second of the budget
LOOK = 0.5  # seconds between two looks at the memory of a running chapter
GRACE = 5  # seconds that a stopped chapter gets to save its executed copy
OUTPUT = 4_000_000  # characters that a cell may show; it is held in memory and saved after each cell
_TOKEN = "LABELBOOK_JOB"  # names the job in the environment of all its processes


class CheckoutNeeded(RuntimeError):
    """Chapters run in a checkout of the book, and this is an installed package."""


class SourceError(ValueError):
    """Not the name of a data source."""


@dataclass
class Outcome:
    """What became of one chapter, or what it is doing now. Cells are code cells, counted from 1 as a kernel does."""

    slug: str
    state: str = "waiting"  # then perhaps blocked, then running; at the end finished, failed, current or interrupted
    cell: int = 0
    cells: int = 0
    line: str = ""  # the first line of that cell
    seconds: float = 0.0
    limit: float = 0.0  # wall seconds after which it is stopped
    peak_mib: int = 0
    verdicts: tuple[str, ...] = ()
    why: str = ""  # why it failed, in one line
    traceback: str = ""
    remarks: list[str] = field(default_factory=list)
    offset: int = 0  # of its seeds

    def __str__(self):
        name = f"{self.slug} (seeds from {self.offset})" if self.offset else self.slug
        if self.state == "current":
            return f"{name}: current, skipped (use --force)"
        if self.state == "blocked":
            return f"{name}: waits for another run of it to end"
        if self.state == "running":
            return f"{name}: started, {self.cells} cells, stopped after {self.limit:g} s"
        place = f" in cell {self.cell}" if self.cell and self.why else ""
        why = f": {self.why}" if self.state == "failed" else ""
        return f"{name}: {self.state}{place}{why} ({self.seconds:.0f} s, {self.peak_mib:,} MiB)"


# ---------------------------------------------------------------------------------------------------- all chapters


def run_chapters(
    slugs=(),
    profile: str = "book",
    *,
    source: str = "embedded",
    jobs: int = 1,
    force: bool = False,
    seconds: float | None = None,
    memory_gib: float | None = None,
    notify: Callable[[Outcome], None] = lambda outcome: None,
    apart: Path | None = None,
    seed_offsets: Sequence[int] = (0,),
    jitter: float = 0.0,
    scheduler: str | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Run chapters, `jobs` at a time. Ctrl-C stops them, keeps what is finished and returns; a second one interrupts.

    Args:
        slugs: the chapters and comparisons; none means all that are written. Those that are current are skipped, unless `force`.
        seconds: wall time for a chapter (default: three times the profile's CPU budget).
        memory_gib: memory for a chapter (default: the profile's on a CPU, no limit on a GPU).
        notify: called with an outcome whenever its state changes; the object goes on changing while the chapter runs.
        apart: a folder for records and executed copies of a run that is no publication; all chosen chapters run.
        seed_offsets: added to every seed that a chapter takes from its `run`. With several, each chapter runs once for each of
            them, into the folder `apart`/<offset>.
        jitter: relative error of every product of tensors (see `rounding`).
        scheduler: the address of a Dask cluster, whose workers run the chapters instead of this machine.
        stop: asked again and again; true has the effect of the first Ctrl-C.

    Raises:
        CheckoutNeeded, UnknownChapter, ProfileError, NotebookError, SourceError, ClusterError: before anything starts.
    """
    chosen = _choose(slugs)
    from . import run  # imports torch: not before it is needed, and not in the children of this module

    _check_request(profile, source, here=scheduler is None)
    if scheduler is None and memory_gib is None and run.choose_device().type == "cpu":
        memory_gib = run.MEMORY_GIB[profile]
    with (
        tempfile.TemporaryDirectory(prefix="labelbook-", ignore_cleanup_errors=True) as scratch,
        _stop_requests() as asked,
        _machinery(scheduler, notify) as kind,
    ):
        settings = _Settings(
            profile,
            source,
            seconds=HARD_STOP * run.CPU_SECONDS[profile] if seconds is None else seconds,
            memory_gib=memory_gib,
            cpu_seconds=run.CPU_SECONDS[profile],
            threads=1 if profile == "smoke" else max(1, _cores() // jobs),
            scratch=Path(scratch),
            apart=apart and Path(apart).absolute(),
            resume=not (force or apart),
            seed_offset=0,
            jitter=jitter,
        )
        everything = [kind(chapter, each) for chapter in chosen for each in _draws(settings, seed_offsets)]
        for job in everything:
            job.outcome.state = "current" if settings.resume and _is_current(job) else "waiting"
            notify(job.outcome)
        waiting = [job for job in everything if job.outcome.state == "waiting"]
        _run_waiting(waiting, jobs if scheduler is None else len(everything), lambda: asked.is_set() or stop(), notify)
    return [job.outcome for job in everything]


def _draws(settings: _Settings, offsets: Sequence[int]) -> list[_Settings]:
    """The settings for each offset of the seeds; several have a folder each."""
    if len(offsets) == 1:
        return [replace(settings, seed_offset=offsets[0])]
    return [replace(settings, seed_offset=offset, apart=settings.apart / str(offset)) for offset in offsets]


@contextlib.contextmanager
def _machinery(scheduler: str | None, notify: Callable[[Outcome], None]):
    """The kind of job that runs chapters here, or on the cluster of this address."""
    if scheduler is None:
        yield _Job
        return
    from . import cluster

    with cluster.connect(scheduler) as client:
        yield functools.partial(cluster.RemoteJob, client, notify)


def _run_waiting(waiting: list[_Job], jobs: int, asked: Callable[[], bool], notify: Callable[[Outcome], None]) -> None:
    running: list[_Job] = []
    try:
        while waiting or running:
            if asked():
                for job in waiting:
                    job.outcome.state = "interrupted"
                waiting.clear()
                for job in running:
                    job.stop("interrupted", state="interrupted")
            for job in list(waiting):
                if len(running) == jobs:
                    break
                before, started = job.outcome.state, job.start()
                if job.outcome.state != "blocked":
                    waiting.remove(job)
                if started:
                    running.append(job)
                if job.outcome.state != before:
                    notify(job.outcome)
            time.sleep(0.1)
            for job in [job for job in running if job.watch()]:
                running.remove(job)
                job.finish()
                notify(job.outcome)
    finally:
        for job in running:  # empty, unless something interrupted this loop
            job.abandon()
            job.put_back()
            job.release()


def _check_request(profile: str, source: str, here: bool) -> None:
    from . import run

    if profile not in run.PROFILES:
        close = difflib.get_close_matches(profile, run.PROFILES, n=1, cutoff=0.3)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise run.ProfileError(f"there is no profile {profile!r}; choose one of {', '.join(run.PROFILES)}.{hint}")
    if profile == "gpu" and here and run.choose_device().type == "cpu":
        raise run.ProfileError(
            "profile 'gpu' needs a CUDA GPU and this machine has none. Use profile 'book', or Colab."
        )
    if not re.fullmatch(r"\w[\w-]*", source):
        raise SourceError(f"a source is a name such as 'embedded', not {source!r}")


def needs_checkout() -> Path:
    """The root of the checkout.

    Raises:
        CheckoutNeeded: this is an installed package.
    """
    root = resources.checkout()
    if root is None:
        raise CheckoutNeeded(
            "chapters run in a checkout of the book; the installed package carries their methods only. "
            "`git clone` the book's repository (each page links to it), then `pip install -e .` in there."
        )
    return root


def _choose(slugs) -> list[chapters.Chapter | chapters.Comparison]:
    """The chapters of these names, each notebook checked; all complaints at once."""
    needs_checkout()
    catalogue = chapters.catalogue()
    chosen = [catalogue[slug] for slug in dict.fromkeys(slugs)] or catalogue.runnable
    complaints = []
    for chapter in chosen:
        try:
            check_notebook(chapter.notebook())
        except chapters.NotebookError as error:
            complaints.append(str(error))
    if complaints:
        raise chapters.NotebookError("\n".join(complaints))
    return chosen


def _is_current(job: _Job) -> bool:
    """Whether the stored record belongs to the code. A damaged one does not, which is remarked on."""
    try:
        if job.settings.source == "embedded":
            return chapters.state(job.chapter, job.settings.profile) == "current"
        code = chapters.code_hash(check_notebook(job.chapter.notebook()))
        return job.records[0].exists() and results.read_record(job.records[0])["code"] == code
    except results.RecordError as error:
        job.outcome.remarks = [f"runs again: {error}"]
        return False


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _stop_requests():
    """An event that the first Ctrl-C (or SIGTERM) sets."""
    asked = threading.Event()

    def handler(signum, frame):
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield asked
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, old in before.items():
            signal.signal(number, old)


# ------------------------------------------------------------------------------------------------------ one chapter


@dataclass(frozen=True)
class _Settings:
    """What all chapters of one call share."""

    profile: str
    source: str
    seconds: float
    memory_gib: float | None
    cpu_seconds: int
    threads: int
    scratch: Path  # job files, logs and the kernel specification; gone after the run
    apart: Path | None
    resume: bool
    seed_offset: int
    jitter: float


class _Job:
    """A chapter on its way: its processes, what they reported, and the limits that they are held to."""

    def __init__(self, chapter: chapters.Chapter | chapters.Comparison, settings: _Settings):
        self.chapter, self.settings = chapter, settings
        self.outcome = Outcome(chapter.slug, limit=settings.seconds, offset=settings.seed_offset)
        # A source that cannot be had leads to the embedded data, and so to the embedded record.
        names = [f"{chapter.slug}.{settings.source}.json"] * (settings.source != "embedded") + [f"{chapter.slug}.json"]
        records = settings.apart / settings.profile if settings.apart else resources.results_folder(settings.profile)
        self.records = [records.absolute() / name for name in names]
        build = settings.apart or resources.checkout() / "build"
        self.executed = build / "executed" / settings.profile / Path(names[0]).with_suffix(".ipynb")
        self.token = secrets.token_hex(8)
        self.log = settings.scratch / f"{self.token}.log"
        self.lock = None
        self.stopped: float | None = None
        self.unread = b""

    def prepare(self) -> dict | None:
        """The notebook as it is now, after noting what its run will change; None where there is nothing to run.

        That is so while another run of the chapter is going on, and after one that left a current record.
        """
        self.executed.parent.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.executed.with_suffix(".lock"), "w")  # noqa: SIM115 (held until `release`)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go when this process ends, however it ends
        except BlockingIOError:
            self.outcome.state = "blocked"
            return None
        except OSError:
            pass  # a file system without locks
        self.outcome.state = "waiting"
        if self.settings.resume and _is_current(self):
            self.outcome.state = "current"
            return None
        notebook = check_notebook(self.chapter.notebook())
        self.code = chapters.code_hash(notebook)
        self.outcome.cells = sum(cell["cell_type"] == "code" for cell in notebook["cells"])
        self.before = {record: (_stamp(record), _content(record)) for record in self.records}
        self.executed.unlink(missing_ok=True)
        return notebook

    def start(self) -> bool:
        """Start the child; False where that cannot be done, not yet, or need not be; the outcome's state tells."""
        try:
            notebook = self.prepare()
            if notebook is None:
                self.release()
                return False
            job = {
                "notebook": notebook,
                "output": str(self.executed),
                "parameters": {"profile": self.settings.profile, "source": self.settings.source},
                "cwd": str(self.chapter.notebook().parent),
            }
            self.log.with_suffix(".json").write_text(json.dumps(job))
            with open(self.log, "wb") as log:
                self.child = subprocess.Popen(
                    [sys.executable, "-m", "labelbook.execute", str(self.log.with_suffix(".json"))],
                    env={**_environment(self.settings), _TOKEN: self.token},
                    stdin=subprocess.PIPE,  # its end tells the child that the parent is gone
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C in the terminal is for the parent alone
                )
        except (chapters.NotebookError, OSError) as error:
            self.outcome.state, self.outcome.why = "failed", str(error)
            self.release()
            return False
        os.set_blocking(self.child.stdout.fileno(), False)
        self.outcome.state, self.began, self.looked = "running", time.monotonic(), 0.0
        return True

    def watch(self) -> bool:
        """Read what the child reported and hold it to its limits; True once it has ended."""
        ended = self.child.poll() is not None
        self._read()
        outcome, limit, memory = self.outcome, self.settings.seconds, self.settings.memory_gib
        outcome.seconds = time.monotonic() - self.began
        if ended or (self.stopped is not None and time.monotonic() - self.stopped > GRACE):
            _kill_all(self.token)
            self.child.wait()
            self.child.stdin.close()
            self.child.stdout.close()
            return True
        if time.monotonic() - self.looked < LOOK:  # finding a process's children reads all processes of the machine
            return False
        self.looked = time.monotonic()
        used = _resident(self._family()) / 2**20
        outcome.peak_mib = max(outcome.peak_mib, round(used))
        if outcome.seconds > limit:
            self.stop(f"stopped at the time limit of {limit:g} s")
        elif memory is not None and used > memory * 2**10:
            self.stop(f"stopped at the memory limit of {memory:g} GiB, with {used:,.0f} MiB in use")
        return False

    def stop(self, why: str, state: str = "failed") -> None:
        """Kill the kernel and what it started; the child notices, saves what there is, and leaves."""
        if self.stopped is not None or self.child.poll() is not None:
            return
        self.stopped, self.outcome.why, self.outcome.state = time.monotonic(), why, state
        for process in self._family()[1:] or [self.child]:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _family(self) -> list[psutil.Process]:
        """The child, then the kernel and what it started."""
        try:
            child = psutil.Process(self.child.pid)
            return [child, *child.children(recursive=True)]
        except psutil.Error:
            return []

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.child.stdout.fileno(), 65536):
                self.unread += chunk
        *lines, self.unread = self.unread.split(b"\n")
        for event in map(json.loads, lines):
            if "remark" in event:
                self.outcome.remarks.append(event["remark"])
            elif self.stopped is None:  # what a kernel says when it is killed is not why it was killed
                vars(self.outcome).update(event)

    def release(self) -> None:
        """Let another run of this chapter begin."""
        if self.lock is not None:
            self.lock.close()

    def abandon(self) -> None:
        """Kill everything at once."""
        _kill_all(self.token)

    def fetch(self) -> None:
        """See to it that the files of a run that ended well are here.

        Raises:
            RuntimeError: it did not end well.
        """
        if self.child.returncode != 0:
            self.outcome.traceback = self.log.read_text(errors="replace")[-4000:]
            raise RuntimeError(f"the process that runs the notebook {_ending(self.child.returncode)}")

    def finish(self) -> None:
        """After the end: take the record, write the notebook back; if anything failed, put the old record back."""
        outcome = self.outcome
        try:
            if self.stopped is None and not outcome.why:
                self.fetch()
                outcome.cell = 0  # what can fail from here on is no cell's fault
                self._take_record()
                self._publish()
                outcome.state = "finished"
        except (RuntimeError, OSError) as error:
            outcome.why = str(error)
        if outcome.state != "finished":
            outcome.state = "interrupted" if outcome.state == "interrupted" else "failed"
            self.put_back()
        self.release()

    def _take_record(self) -> None:
        """Look for the record that `run.save()` left, and take the verdicts from it."""
        fresh = [path for path in self.records if _stamp(path) != self.before[path][0]]
        said = [line for line in _printed(self.executed) if line.startswith(("The record could not be", "Source '"))]
        if not fresh:
            hint = said[-1] if said else f"no new {self.records[0].name} is there; does the chapter call `run.save()`?"
            raise RuntimeError(f"finished, record not stored: {hint}")
        record = results.read_record(fresh[0])
        if record["code"] != self.code:
            raise RuntimeError("finished, record not stored: the notebook's code was edited while the kernel started")
        self.outcome.verdicts = tuple(results.Claim.from_dict(row).verdict for row in record["claims"])
        if record["source"] != self.settings.source:
            self.outcome.remarks += said
        spent, budget = record.get("cpu_seconds", 0), self.settings.cpu_seconds
        if spent > budget and self.settings.profile != "gpu":
            self.outcome.remarks.append(f"used {spent:.0f} CPU-seconds; the budget is {budget}")

    def _publish(self) -> None:
        """Put the outputs into the chapter's notebook as it is now (its prose may have been edited), if the code is the same."""
        executed = chapters.read_notebook(self.executed)
        if (self.settings.profile, self.settings.source) != ("book", "embedded"):
            try:
                clean(executed)
            except Unpublishable as error:
                self.outcome.remarks.append(f"in profile book this will fail: {error}")
            return
        path = self.chapter.notebook()
        now = check_notebook(path)
        if chapters.code_hash(now) != self.code:
            raise RuntimeError(
                "finished, not written back: the notebook's code was edited while it ran. The edit is untouched, and the "
                f"executed copy is {self.executed}"
            )
        page = clean(with_outputs(now, executed))
        page["metadata"]["labelbook"] = {"code": self.code, "profile": self.settings.profile}
        if self.settings.apart:
            return
        # As Jupyter writes it, so that opening and saving a chapter changes nothing.
        results.write_whole(path.resolve(), json.dumps(page, indent=1, ensure_ascii=False, sort_keys=True) + "\n")

    def put_back(self) -> None:
        """A record says that a run reached its end; where it did not, keep the new one beside the executed copy only."""
        for path in self.records:
            stamp, content = self.before[path]
            if _stamp(path) == stamp:
                continue
            aside = self.executed.with_suffix(".json")
            try:
                results.write_whole(aside, _content(path).decode(errors="replace"))
                self.outcome.remarks.append(f"the record of this run is set aside in {aside}")
                if content is None:
                    path.unlink()
                else:
                    results.write_whole(path, content.decode(errors="replace"))
            except OSError as error:
                self.outcome.remarks.append(f"{path} is left by a run that failed and could not be put back: {error}")


def _stamp(path: Path) -> tuple | None:
    """Tells one version of a file from the next; None where there is none, or where its folder is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _printed(executed: Path) -> list[str]:
    """The lines that the cells printed."""
    cells = [c for c in chapters.read_notebook(executed)["cells"] if c["cell_type"] == "code"]
    return "".join("".join(o.get("text", "")) for c in cells for o in c["outputs"]).splitlines()


def _resident(processes: list[psutil.Process]) -> int:
    """Bytes of memory that the processes hold together (pages that a fork shares count twice).

    This is watched instead of setting RLIMIT_AS, which limits addresses, and those of each process alone: importing a CUDA
    build of torch takes 3 GiB of addresses, more than `smoke` may have, and a tenth of that in memory.
    """
    held = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            held += process.memory_info().rss
    return held


def _kill_all(token: str) -> None:
    """Kill every process of a job, also those that left the process tree: they still carry the token."""
    for _ in range(100):  # again and again, because they may be starting others
        found = False
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid != os.getpid() and process.environ().get(_TOKEN) == token:
                    process.kill()
                    found = True
        if not found:
            return
        time.sleep(0.05)


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended early with exit code {code}"
    hint = " (the system does that when memory runs out)" if code == -signal.SIGKILL else ""
    return f"was killed by signal {-code}{hint}"


def _environment(settings: _Settings) -> dict[str, str]:
    """The environment of a child and its kernel: this Python, this labelbook, nothing of the user's own notebook settings."""
    spec = settings.scratch / "kernels" / "python3" / "kernel.json"
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.parent.mkdir(parents=True, exist_ok=True)
    spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3 (ipykernel)", "language": "python"}))
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    for name in ("LABELBOOK_RESULTS", "LABELBOOK_CACHE"):  # the kernel works in another folder
        if environment.get(name):
            environment[name] = str(Path(environment[name]).absolute())
    if settings.apart:
        environment["LABELBOOK_RESULTS"] = str(settings.apart)
    environment["LABELBOOK_SEED_OFFSET"] = str(settings.seed_offset)
    environment["LABELBOOK_JITTER"] = str(settings.jitter)
    for name, first in (("JUPYTER_PATH", settings.scratch), ("PYTHONPATH", resources._PACKAGE.parent)):
        environment[name] = os.pathsep.join(filter(None, [str(first), environment.get(name)]))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LABELBOOK_THREADS"):
        environment[name] = str(settings.threads)
    return environment | {
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": str(settings.scratch / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(settings.scratch / "runtime"),
    }


# -------------------------------------------------------------------------------------------------------- the child


def _child(job_file: str) -> int:
    """Execute one notebook with papermill and report on it; runs in a process of its own. Returns its exit code."""
    import traceback

    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines

    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Reports go to the pipe; whatever else is written to standard output, by the kernel too, goes to the log.
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = json.loads(Path(job_file).read_text())
    why = ""

    def report(**event) -> None:
        nonlocal why
        why = event.get("why", why)
        print(json.dumps(event), file=pipe, flush=True)

    class Client(PapermillNotebookClient):
        def execute_cell(self, cell, index):
            # The injected cell counts for nothing, so that "In[7]" in a traceback is the reader's seventh cell.
            self.room = OUTPUT
            try:
                return super().execute_cell(cell, index, store_history=not added_by_papermill(cell))
            finally:
                if cell.cell_type == "code":
                    cell.outputs = merged_streams(cell.outputs)

        def output(self, outs, msg, display_id, cell_index):
            if msg["msg_type"] != "error":
                content, room = msg["content"], self.room
                text = content["text"] if msg["msg_type"] == "stream" else ""
                self.room -= len(text) or len(json.dumps(content))
                if room < 0:
                    return None
                if self.room < 0:
                    said = f"cut off: a cell may show {OUTPUT:,} characters"
                    report(remark=f"the output that begins with {first_line(text[:40] or 'a display')!r} is {said}")
                    content = {"name": content.get("name", "stdout"), "text": f"{text[:room]}\n[{said}]\n"}
                    msg = {**msg, "msg_type": "stream", "content": content}
                    msg["header"] = {**msg["header"], "msg_type": "stream"}
            return super().output(outs, msg, display_id, cell_index)

    class Engine(NBClientEngine):
        """Papermill's engine, with reports, and with saves that leave a whole file or none."""

        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **_):
            client = Client(
                nb_man,
                kernel_name=kernel_name,
                timeout=None,
                startup_timeout=120,
                iopub_timeout=60,
            )
            cells = [cell for cell in nb_man.nb.cells if cell.cell_type == "code" and not added_by_papermill(cell)]
            numbers = {id(cell): number for number, cell in enumerate(cells, start=1)}
            papermill_start, kernel = nb_man.cell_start, None

            def cell_start(cell, index):
                nonlocal kernel
                kernel = client.km.provisioner.process
                if id(cell) in numbers:
                    report(cell=numbers[id(cell)], line=first_line(cell.source))
                papermill_start(cell, index)

            def cell_exception(cell, cell_index, exception):
                shown = [line for o in cell.outputs if o.output_type == "error" for line in o.traceback]
                why = f"{exception.ename}: {first_line(exception.evalue)[:1000]}"
                report(why=why, traceback="\n".join(shown)[-20_000:])

            nb_man.cell_start, nb_man.cell_exception = cell_start, cell_exception
            nb_man.save = lambda **_: results.write_whole(Path(job["output"]), nbformat.writes(nb_man.nb))
            try:
                client.execute()
            except DeadKernelError:
                report(why=f"the kernel {_ending(kernel and kernel.poll())}")

    papermill_engines.register("labelbook", Engine)
    try:
        papermill.execute_notebook(
            nbformat.from_dict(job["notebook"]),
            None,  # the engine saves
            job["parameters"],
            engine_name="labelbook",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=job["cwd"],
        )
    except papermill.PapermillExecutionError:
        pass  # reported by the engine; raised also for cells tagged `raises-exception`, which are meant to fail
    except Exception as error:
        report(why=f"{type(error).__name__}: {first_line(str(error))}", traceback=traceback.format_exc())
    return 1 if why else 0


def _end_with_parent() -> None:
    """Wait until the parent's end of the pipe closes, as it does when the parent dies, and take the kernel along."""
    os.read(0, 1)
    _kill_all(os.environ[_TOKEN])
    os._exit(1)


if __name__ == "__main__":
    sys.exit(_child(sys.argv[1]))
