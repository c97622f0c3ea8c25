"""The helper library of *Imperfect Labels*: what the chapters share, and nothing that belongs to one paper.

Rooms are imported when they are used (`labelbook.data` costs nothing until somebody asks for it), so that a chapter that
never trains a network does not wait for the tools that do.
"""

import importlib

__version__ = "0.1.0"

_ROOMS = (
    "batches",
    "chapters",
    "corrupt",
    "data",
    "execute",
    "metrics",
    "nets",
    "notebooks",
    "plots",
    "resources",
    "results",
    "run",
    "scenes",
    "train",
)


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "start":
        return importlib.import_module(f"{__name__}.run").start
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_ROOMS, "start"])
