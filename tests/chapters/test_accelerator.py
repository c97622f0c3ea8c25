"""Every chapter on a pretend accelerator that refuses to mix with the CPU, its training loops cut to two steps."""

import os

import matplotlib
import pytest
from common import every_notebook
from standin import DEVICE, pretend_accelerator

from labelbook import chapters, run, train


def execute(sources, name):
    namespace = {"__name__": "__main__"}
    for number, source in enumerate(sources):
        exec(compile(source, f"{name}, code cell {number}", "exec"), namespace)


@pytest.fixture
def accelerator(monkeypatch, tmp_path):
    """`labelbook.start` finds the pretend device; records go to a temporary folder; nothing is drawn on a screen."""
    matplotlib.use("Agg")
    monkeypatch.setenv("LABELBOOK_RESULTS", str(tmp_path))
    monkeypatch.setattr(run, "choose_device", lambda: DEVICE)
    with pretend_accelerator(), train.limited_steps(2):
        yield
    matplotlib.pyplot.close("all")


@every_notebook
def test_a_chapter_never_mixes_devices(accelerator, slug):
    chapter = chapters.catalogue()[slug]
    sources = chapters.code_cells(chapters.read_notebook(chapter.notebook()))
    execute([s.replace('profile = "book"', 'profile = "smoke"') for s in sources], slug)
    assert os.listdir(os.environ["LABELBOOK_RESULTS"] + "/smoke") == [f"{slug}.json"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import torch; torch.zeros(3, device=device) + torch.zeros(3)", "same device"),
        ("import torch; torch.randn(3, device=device, generator=torch.Generator())", "generator"),
        ("import torch; torch.zeros(3, device=device).numpy()", "numpy"),
    ],
)
def test_the_three_usual_mistakes_are_caught(accelerator, source, message):
    with pytest.raises((RuntimeError, TypeError), match=message):
        exec(source, {"device": DEVICE})
