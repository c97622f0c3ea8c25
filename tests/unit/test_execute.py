"""Cleaning an executed notebook, and the small decisions of the runner; whole runs are in tests/faults."""

import copy
import threading
import time

import pytest

from labelbook import execute, notebooks


def code(source, *outputs, count=1, **metadata):
    cell = {"cell_type": "code", "id": source[:8], "metadata": metadata, "source": source}
    return cell | {"outputs": list(outputs), "execution_count": count}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def display(**data):
    kinds = {"plain": "text/plain", "html": "text/html", "png": "image/png", "svg": "image/svg+xml"}
    return {"output_type": "display_data", "metadata": {}, "data": {kinds[k]: v for k, v in data.items()}}


@pytest.fixture
def executed():
    """What papermill leaves."""
    widget = {"output_type": "display_data", "metadata": {}, "data": {"application/vnd.jupyter.widget-view+json": {}}}
    value = {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": ["3"]}, "execution_count": 3}
    timed = {"papermill": {"duration": 1.0}, "execution": {"iopub.status.busy": "2024"}}
    cells = [
        {"cell_type": "markdown", "id": "error", "metadata": {"tags": ["papermill-error-cell-tag"]}, "source": "!"},
        {
            "cell_type": "markdown",
            "id": "title",
            "metadata": {"papermill": {}, "tags": []},
            "source": ["# Title\n", "text"],
        },
        code('profile = "book"', tags=["parameters"], **timed),
        code('profile = "smoke"', count=2, tags=["injected-parameters"], **timed),
        code(
            "a\nb",
            stream("10%\r 90%\r100%\ndone\r\n"),
            stream("warned", "stderr"),
            widget,
            value,
            count=3,
            tags=[],
            **timed,
        ),
        code("", count=None, collapsed=True, tags=["hide-input"]),
        code("c", count=7),
    ]
    metadata = {"papermill": {"duration": 3}, "widgets": {}, "kernelspec": {"name": "mine"}, "labelbook": {"code": "x"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def test_cleaning_takes_out_the_traces_of_execution(executed):
    before = copy.deepcopy(executed)
    page = execute.clean(executed)
    assert executed == before, "the notebook that is given stays as it was"
    title, parameters, cell, empty, last = page["cells"]
    assert title == {"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# Title\n", "text"]}
    assert parameters["metadata"] == {"tags": ["parameters"]}
    assert empty["metadata"] == {"collapsed": True, "tags": ["hide-input"]}
    assert [c["execution_count"] for c in (parameters, cell, empty, last)] == [1, 2, None, 3]
    assert cell["metadata"] == {}
    assert [o["output_type"] for o in cell["outputs"]] == ["stream", "execute_result"]
    assert cell["outputs"][0]["text"] == ["100%\n", "done\r\n"]
    assert cell["outputs"][1]["execution_count"] == 2
    assert page["metadata"] == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "labelbook": {"code": "x"},
    }


def test_cleaning_is_idempotent_and_leaves_sources_alone(executed):
    once = execute.clean(executed)
    assert execute.clean(once) == once
    kept = [
        c for c in executed["cells"] if c["id"] not in ("error", 'profile = "smoke"'[:8]) or "smoke" not in c["source"]
    ]
    sources = [(c["id"], c["source"]) for c in kept if c["id"] != "error"]
    assert [(c["id"], c["source"]) for c in once["cells"]] == sources


def test_the_cell_for_colab_stays_as_it_is_in_every_notebook():
    before = code("import sys", count=None, tags=["colab"])
    ran = code("import sys", stream("installed"), count=1, tags=["colab"])
    page = execute.clean({"cells": [ran, code("1", count=2)], "metadata": {}})
    assert page["cells"][0] == before
    assert page["cells"][1]["execution_count"] == 1


def test_a_stream_comes_in_one_piece_and_without_what_was_overwritten():
    pieces = [stream("10%\r"), display(png="..."), stream("bad", "stderr"), stream("100%"), stream("\nend\r\n")]
    out, picture, err = notebooks.merged_streams(pieces)
    assert (out["text"], picture, err["text"]) == ("100%\nend\r\n", display(png="..."), "bad")


def test_a_long_line_costs_no_more_than_many_short_ones():
    begin = time.perf_counter()
    assert notebooks.last_shown("x" * 4_000_000) == "x" * 4_000_000  # a pattern that backtracks takes hours for it
    assert notebooks.last_shown("y\r" * 1_000_000 + "z") == "z"
    assert time.perf_counter() - begin < 5


def test_an_empty_list_of_tags_that_an_author_left_stays():
    page = execute.clean({"cells": [code("1", tags=[])], "metadata": {}})
    assert page["cells"][0]["metadata"] == {"tags": []}


@pytest.mark.parametrize(
    "output",
    [
        stream("saved to /home/somebody/book/out.png"),
        stream(["one line\n", "File ~/.venv/lib/python3.11/site-packages/torch/nn.py:3\n"]),
        stream("C:\\Users\\somebody\\book"),
        display(plain="PosixPath('/tmp/tmpabc/data.npz')"),
        display(html=["<td>", "/Users/somebody/data</td>"]),
        display(svg="<desc>/root/figure</desc>"),
        {
            "output_type": "error",
            "ename": "E",
            "evalue": "",
            "traceback": ["\x1b[32m/home/somebody/cell.py\x1b[0m in f()"],
        },
        stream(f"looked in {execute.resources.checkout()}/data"),
    ],
)
def test_a_path_of_this_machine_is_refused_with_its_cell(output):
    notebook = {"cells": [code("import a"), code("show(a)\nmore", output)], "metadata": {}}
    with pytest.raises(execute.Unpublishable, match=r"code cell 2 \(show\(a\)\) shows a path of this machine"):
        execute.clean(notebook)


@pytest.mark.parametrize(
    "output",
    [
        stream("https://example.org/home/page and data/results/book/rcal.json"),
        stream("a/tmp/b, ~/data, 1/2, /"),
        stream("/home/somebody/x.py:3: UserWarning", "stderr"),
        display(png="iVBOR/home/abc/tmp/x", plain="<Figure size 640x480 with 1 Axes>"),
    ],
)
def test_what_only_looks_like_a_path_is_let_through(output):
    execute.clean({"cells": [code("show()", output)], "metadata": {}})


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        (-9, "killed by signal 9 (the system"),
        (-11, "killed by signal 11"),
        (3, "exit code 3"),
        (None, "exit code None"),
    ],
)
def test_how_a_process_ended_is_said_in_words(ending, text):
    assert text in execute._ending(ending)


def test_outcomes_say_what_happened_in_one_line():
    outcome = execute.Outcome("rcal", cells=12, limit=60)
    texts = []
    for state, why, cell in (
        ("running", "", 0),
        ("finished", "", 0),
        ("failed", "E: e", 5),
        ("failed", "no record", 0),
    ):
        outcome.state, outcome.why, outcome.cell, outcome.seconds, outcome.peak_mib = state, why, cell, 12.3, 1234
        texts.append(str(outcome))
    assert texts == [
        "rcal: started, 12 cells, stopped after 60 s",
        "rcal: finished (12 s, 1,234 MiB)",
        "rcal: failed in cell 5: E: e (12 s, 1,234 MiB)",
        "rcal: failed: no record (12 s, 1,234 MiB)",
    ]


def test_outside_of_the_main_thread_no_signal_handler_is_set():
    seen = []

    def ask():
        with execute._stop_requests() as asked:
            seen.append(asked.is_set())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert seen == [False]


def test_a_second_ctrl_c_interrupts_at_once():
    import os
    import signal

    def interrupt_twice():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert asked.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

    # Started in the background of a script, a process ignores Ctrl-C; this test is about one that does not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with execute._stop_requests() as asked, pytest.raises(KeyboardInterrupt):
            interrupt_twice()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
