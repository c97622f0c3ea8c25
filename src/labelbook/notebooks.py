"""What the runner does to notebooks: checks them before a run, and cleans them before they are published."""

from __future__ import annotations

import copy
import json
import re
import sys
import tempfile
from pathlib import Path

from . import chapters, resources


class Unpublishable(RuntimeError):
    """An output shows something that belongs to this machine; the message names the cell."""


def check_notebook(path: Path) -> dict:
    """The notebook in `path`, after a look at what every chapter needs.

    Raises:
        NotebookError: not a notebook, no kernelspec, no cell tagged `parameters`, or a cell that is not Python.
    """
    notebook = chapters.read_notebook(path)
    try:
        if not notebook.get("metadata", {}).get("kernelspec", {}).get("name"):
            raise chapters.NotebookError(
                f"{path}: its metadata has no kernelspec. Save it in Jupyter with the kernel Python 3."
            )
        if not chapters.code_cells(notebook, tag="parameters"):
            raise chapters.NotebookError(
                f'{path}: no code cell is tagged `parameters`. Tag the one with `profile = "book"`.'
            )
        chapters.code_hash(notebook)
        for cell in notebook["cells"]:  # KeyError for what the format demands and later code relies on
            _ = cell["metadata"]
            _ = cell["cell_type"] != "code" or (cell["outputs"], cell["execution_count"])
    except SyntaxError as error:
        raise chapters.NotebookError(
            f"{path}: a code cell is not Python: {error}: {(error.text or '').strip()}"
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise chapters.NotebookError(
            f"{path} is not a notebook: a cell or the metadata is malformed ({error!r})"
        ) from error
    return notebook


def with_outputs(notebook: dict, executed: dict) -> dict:
    """`notebook` with the outputs of its executed copy; everything else stays that of `notebook`."""
    notebook = copy.deepcopy(notebook)
    mine = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    theirs = [cell for cell in executed["cells"] if cell["cell_type"] == "code" and not added_by_papermill(cell)]
    for cell, ran in zip(mine, theirs, strict=True):
        cell["outputs"], cell["execution_count"] = ran["outputs"], ran["execution_count"]
    return notebook


def clean(notebook: dict) -> dict:
    """A copy of an executed notebook without the traces of its execution; sources, ids and tags stay as they are.

    Taken out: papermill's injected cell and metadata, time stamps, stderr, progress bars, widgets. Execution counts become
    those of one run from top to bottom, in which the cell for Colab, the same in every notebook, has no part. Cleaning
    twice changes nothing more.

    Raises:
        Unpublishable: a text output shows a path of this machine.
    """
    notebook = copy.deepcopy(notebook)
    notebook["cells"] = [cell for cell in notebook["cells"] if not added_by_papermill(cell)]
    count = 0
    for cell in notebook["cells"]:
        metadata = cell["metadata"]
        metadata.pop("execution", None)
        if metadata.pop("papermill", None) is not None and metadata.get("tags") == []:
            del metadata["tags"]  # papermill gives an empty list to cells that had none
        if cell["cell_type"] == "code":
            cell["outputs"] = [_clean_output(output) for output in cell["outputs"] if not _is_noise(output)]
            if chapters.COLAB in metadata.get("tags", []):
                cell["outputs"], cell["execution_count"] = [], None
            count += cell["execution_count"] is not None
            for counted in (cell, *cell["outputs"]):
                if counted.get("execution_count") is not None:
                    counted["execution_count"] = count
    _refuse_paths(notebook)
    for name in ("papermill", "widgets", "execution"):
        notebook["metadata"].pop(name, None)
    kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook["metadata"] |= {"kernelspec": kernelspec, "language_info": {"name": "python"}}
    return notebook


def added_by_papermill(cell: dict) -> bool:
    tags = cell["metadata"].get("tags", [])
    return "injected-parameters" in tags or "papermill-error-cell-tag" in tags


def _is_noise(output: dict) -> bool:
    """Stderr (warnings, progress bars made of text) and widgets, which need a living kernel."""
    return output.get("name") == "stderr" or "application/vnd.jupyter.widget-view+json" in output.get("data", {})


def _clean_output(output: dict) -> dict:
    if output["output_type"] == "stream":
        output["text"] = last_shown("".join(output["text"])).splitlines(keepends=True)
    return output


def last_shown(text: str) -> str:
    """Of a line that was overwritten (a progress bar), what a terminal shows last; in time linear in its length."""
    return "\n".join(line[:-1].rpartition("\r")[2] + line[-1:] for line in text.split("\n"))


def merged_streams(outputs: list[dict]) -> list[dict]:
    """Outputs of a cell with all that it wrote to a stream in the place of the first piece."""
    pieces, kept = {}, []
    for output in outputs:
        if output["output_type"] != "stream" or output["name"] not in pieces:
            kept.append(output)
        if output["output_type"] == "stream":
            pieces.setdefault(output["name"], []).append(output["text"])
    for output in kept:
        if output["output_type"] == "stream":
            output["text"] = last_shown("".join(pieces[output["name"]]))
    return kept


def _refuse_paths(notebook: dict) -> None:
    """Raise `Unpublishable` where a text output shows a path of this machine."""
    own = {resources.checkout() or Path.cwd(), Path.home(), Path(sys.prefix), Path(sys.base_prefix, "lib")}
    places = "|".join(re.escape(str(path)) for path in sorted(own | {Path(tempfile.gettempdir())}) if path != Path("/"))
    path = rf"(?<![\w.-])(?:(?:{places})(?![\w-])|/(?:home|root|Users|tmp)/\w)|\b[A-Z]:\\Users\\|(?:site|dist)-packages"
    for number, cell in enumerate((c for c in notebook["cells"] if c["cell_type"] == "code"), start=1):
        for line in (line for output in cell["outputs"] for line in _shown_text(output)):
            if re.search(path, line):
                raise Unpublishable(
                    f"the output of code cell {number} ({first_line(cell['source'])}) shows a path of this machine: "
                    f"{line.strip()[:160]!r}. Print a name instead."
                )


def _shown_text(output: dict) -> list[str]:
    """The lines of an output that are text, without colour codes; no pictures, whose base64 may look like anything."""
    data = output.get("data", {}).items()
    texts = [output.get("text", ""), "\n".join(output.get("traceback", []))]
    texts += [value for mime, value in data if not mime.startswith("image/") or mime == "image/svg+xml"]
    joined = "\n".join("".join(text) if isinstance(text, (str, list)) else json.dumps(text) for text in texts)
    return re.sub(r"\x1b\[[\d;]*m", "", joined).splitlines()


def first_line(source: str | list[str]) -> str:
    return next(iter("".join(source).strip().splitlines()), "(empty)")
