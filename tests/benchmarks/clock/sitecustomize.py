"""A stop-watch for whole processes: every Python that finds this file on its path reads it before anything else.

It adds up what the main thread spends on imports, on loading data, on drawing figures, on saving, on the rest of a
notebook's cells and on everything else, each second counted once, and writes the sums (wall and CPU seconds) to a file of
its own in the folder LABELBOOK_CLOCK when the process ends. Without that variable it does nothing.
"""

import atexit
import builtins
import functools
import json
import os
import sys
import threading
import time
from pathlib import Path

# Which functions count as what. A class's method is written "Class.method"; "*" stands for all public functions.
PLACES = {
    "labelbook.data": ("data", ["*"]),
    "labelbook.scenes": ("data", ["garment_scenes"]),
    "labelbook.results": ("saving", ["write_whole"]),
    "matplotlib.backend_bases": ("figures", ["FigureCanvasBase.print_figure"]),
}


class Clock:
    """Seconds by what they were spent on; what runs inside of something else is taken off that."""

    def __init__(self):
        self.now = self.read()
        self.sums: dict[str, list[float]] = {}
        self.open = ["start"]
        self.patched: set[str] = set()
        self.saved = ""  # the last file that was saved: a chapter's record or executed copy, and so its name
        self.last_cell: float | None = None  # when it ended

    @staticmethod
    def read() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def charge(self) -> None:
        before, self.now = self.now, self.read()
        entry = self.sums.setdefault(self.open[-1], [0.0, 0.0])
        for i in range(2):
            entry[i] += self.now[i] - before[i]

    def enter(self, name: str) -> None:
        self.charge()
        self.open.append(name)

    def leave(self) -> None:
        self.charge()
        self.open.pop()

    def counted(self, name: str, function):
        """`function`, whose time in the main thread counts as `name`."""

        @functools.wraps(function)
        def inner(*args, **options):
            if threading.current_thread() is not threading.main_thread():
                return function(*args, **options)
            if name == "saving":
                self.saved = Path(args[0]).stem
            self.enter(name)
            try:
                return function(*args, **options)
            finally:
                self.leave()

        return inner

    # ------------------------------------------------------------------------------------------------------- hooks

    def watch_imports(self) -> None:
        """Count import statements, the outermost ones, and look after each for functions to count."""
        plain, busy = builtins.__import__, threading.local()

        def counted(*args, **options):
            if getattr(busy, "importing", False) or threading.current_thread() is not threading.main_thread():
                return plain(*args, **options)
            busy.importing = True
            self.enter("imports")
            try:
                return plain(*args, **options)
            finally:
                self.leave()
                busy.importing = False
                self.patch()

        builtins.__import__ = counted

    def patch(self) -> None:
        for module, (name, functions) in PLACES.items():
            if self.ready(module):
                owner = sys.modules[module]
                for path in functions:
                    public = [f for f in owner.__all__ if f.islower()] if path == "*" else [path]
                    for function in public:
                        self.replace(owner, function, name)
        if self.ready("IPython.core.interactiveshell"):
            self.watch_cells(sys.modules["IPython.core.interactiveshell"].InteractiveShell)

    def ready(self, module: str) -> bool:
        """Whether the module is there, whole, and seen for the first time."""
        found = sys.modules.get(module)
        if found is None or module in self.patched or getattr(found.__spec__, "_initializing", False):
            return False
        self.patched.add(module)
        return True

    def replace(self, owner, path: str, name: str) -> None:
        *outer, last = path.split(".")
        owner = functools.reduce(getattr, outer, owner)
        setattr(owner, last, self.counted(name, getattr(owner, last)))

    def watch_cells(self, shell) -> None:
        original = shell.run_cell_async

        async def run_cell_async(*args, **options):
            self.enter("cells")
            self.open[0] = "between"  # from the first cell on, what belongs to none lies between two
            try:
                return await original(*args, **options)
            finally:
                self.leave()
                self.last_cell = time.time()
                if self.saved:
                    self.write()  # the runner may kill a kernel that has done its work

        shell.run_cell_async = run_cell_async

    def write(self) -> None:
        self.charge()
        facts = {"saved": self.saved, "last_cell": self.last_cell, "sums": self.sums}
        (Path(os.environ["LABELBOOK_CLOCK"]) / f"{os.getpid()}.json").write_text(json.dumps(facts))


if os.environ.get("LABELBOOK_CLOCK"):
    clock = Clock()
    clock.watch_imports()
    atexit.register(clock.write)
