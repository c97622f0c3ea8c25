"""Chapters on other machines: `labelbook run --scheduler ADDRESS` hands them to the workers of a Dask cluster.

A worker is a checkout of the same book. It runs a chapter as it would for itself, in the same kind of process and inside
the same limits, but into a temporary folder, and sends record and executed notebook back; the caller checks them and writes
them, each whole, as if the chapter had run here. Nothing is shared but the scheduler: no file system, no results folder.

A chapter that fails, or meets its limits, has a result like any other and is not run again. One whose worker died is run
once more, elsewhere; if that worker dies too, the chapter is taken to be the cause.

Whoever can talk to a Dask scheduler can run code on its workers and on the caller: use one of your own, in a closed network.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
import time
from asyncio import CancelledError
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from . import chapters, execute, resources, results

WORKERS = 2  # that may die under one chapter


class ClusterError(RuntimeError):
    """The cluster cannot be used; the message says why and what to do."""


@contextlib.contextmanager
def connect(address: str):
    """A client of the Dask cluster whose scheduler listens at `address`.

    Raises:
        ClusterError: Dask is not installed, nothing answers, or the cluster has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(f"a scheduler needs Dask: pip install 'labelbook[cluster]' ({error})") from None
    if not re.fullmatch(r"((tcp|tls)://)?[^/]+:\d+", address):
        raise ClusterError(f"the address of a scheduler looks like tcp://10.0.0.1:8786, not {address!r}")
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except Exception as error:  # what Dask makes of an answer that is none of a scheduler's, too
        raise ClusterError(f"no Dask scheduler answers at {address!r} ({error})") from None
    with client:
        if not client.nthreads():
            raise ClusterError(f"the Dask cluster at {address!r} has no workers. Start some: `dask worker {address}`")
        yield client


class RemoteJob(execute._Job):
    """A chapter that runs on a worker; seen from `run_chapters` it is a job like those that run here."""

    def __init__(self, client, notify: Callable[[execute.Outcome], None], chapter, settings):
        super().__init__(chapter, settings)
        self.client, self.notify = client, notify
        self.workers: list[str] = []  # on which it was started, filled by the client's own thread

    def start(self) -> bool:
        try:
            if self.prepare() is None:
                self.release()
                return False
        except (chapters.NotebookError, OSError) as error:
            self.outcome.state, self.outcome.why = "failed", str(error)
            self.release()
            return False
        kept = self.records[0].parent.glob(f"{self.chapter.slug}*.json")
        known = {path.name: path.read_text("utf-8", errors="replace") for path in kept}  # a page may show them beside
        names = ("profile", "source", "seconds", "memory_gib", "jitter")
        options = {name: getattr(self.settings, name) for name in names}
        options["seed_offsets"] = (self.settings.seed_offset,)
        self.client.subscribe_topic(self.token, lambda event: self.workers.append(event[1]))
        version = _version(self.chapter.slug)
        self.future = self.client.submit(
            _on_a_worker, self.chapter.slug, version, known, options, key=self.token, pure=False
        )
        return True

    def watch(self) -> bool:
        if self.workers and self.outcome.state == "waiting":
            self.outcome.state, self.began = "running", time.monotonic()
            self.notify(self.outcome)
        if self.outcome.state == "running":
            self.outcome.line, self.outcome.seconds = f"on {self.workers[-1]}", time.monotonic() - self.began
        if len(self.workers) > WORKERS:
            self.stop(f"its workers died: {', '.join(self.workers[:WORKERS])}")
        return self.stopped is not None or self.future.done()

    def stop(self, why: str, state: str = "failed") -> None:
        if self.stopped is None:
            self.stopped, self.outcome.why, self.outcome.state = time.monotonic(), why, state
            self.abandon()

    def abandon(self) -> None:
        self.future.cancel()  # the worker notices and stops the chapter

    def fetch(self) -> None:
        try:
            told, folder, files = self.future.result()
        except (Exception, CancelledError) as error:  # whatever a worker or Dask itself may raise
            raise RuntimeError(f"the cluster gave no result: {type(error).__name__}: {error}") from error
        here, there = self.executed.parent, Path("executed", self.settings.profile)
        told["remarks"] = [remark.replace(str(folder / there), str(here)) for remark in told["remarks"]]
        state, told["remarks"] = told.pop("state"), self.outcome.remarks + told["remarks"]
        vars(self.outcome).update(told)
        homes = {here: there, self.records[0].parent: Path(self.settings.profile)}
        copies, records = (self.executed, self.executed.with_suffix(".json")), self.records * (state == "finished")
        for path in (*copies, *records):
            if (text := files.get(str(homes[path.parent] / path.name))) is not None:
                results.write_whole(path, text)
        if state != "finished":
            raise RuntimeError(told["why"])


def _on_a_worker(slug: str, version: str, known: dict[str, str], options: dict) -> tuple[dict, Path, dict[str, str]]:
    """Run one chapter; gives its outcome as plain values, and what it left in a folder by relative path."""
    from distributed import get_worker

    worker = get_worker()
    if _version(slug) != version:
        raise ClusterError(f"{worker.address} has another version of labelbook or of this chapter")
    task = worker.get_current_task()
    worker.log_event(task, worker.address)

    def cancelled() -> bool:
        here = worker.state.tasks.get(task)
        return here is None or here.state == "cancelled" or worker.status.name in ("closing", "closed", "failed")

    with tempfile.TemporaryDirectory(prefix="labelbook-worker-") as name:
        folder = Path(name)
        for record, text in known.items():
            results.write_whole(folder / options["profile"] / record, text)
        before = {path: execute._stamp(path) for path in folder.rglob("*")}
        (outcome,) = execute.run_chapters([slug], jobs=worker.state.nthreads, apart=folder, stop=cancelled, **options)
        made = [path for end in ("json", "ipynb") for path in folder.rglob(f"*.{end}")]
        made = [path for path in made if execute._stamp(path) != before.get(path)]
        return asdict(outcome), folder, {str(path.relative_to(folder)): path.read_text("utf-8") for path in made}


def _version(slug: str) -> str:
    """Tells one version of the library and of a chapter's code from the next."""
    digest = hashlib.sha256(chapters.code_hash(chapters.read_notebook(chapters.catalogue()[slug].notebook())).encode())
    for path in sorted(resources._PACKAGE.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
