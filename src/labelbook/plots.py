"""The book's look: one theme, readable on light and dark pages, with colours that colour-blind readers can tell apart."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

LOOK = mpl.rc_params_from_file(Path(__file__).with_name("book.mplstyle"), use_default_template=False)
COLOURS = [mpl.colors.to_rgb(colour) for colour in LOOK["axes.prop_cycle"].by_key()["color"]]


def use_theme() -> None:
    """Set the book's style, which the file `book.mplstyle` holds."""
    plt.rcParams.update(LOOK)


def image_grid(
    images, titles: Sequence[str] | None = None, *, columns: int = 8, size: float = 1.1, cmap: str = "gray_r"
):
    """Small pictures in rows: images [N,H,W], [N,1,H,W] or [N,3,H,W], any float or integer range; one title each."""
    images = np.asarray(images)
    if images.ndim == 4:
        images = images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
    rows = -(-len(images) // columns)
    height = size + (0.28 if titles is not None else 0)
    figure, axes = plt.subplots(rows, columns, figsize=(size * columns, height * rows), squeeze=False)
    for i, axis in enumerate(axes.flat):
        axis.axis("off")
        if i < len(images):
            axis.imshow(images[i], cmap=cmap)
            if titles is not None:
                axis.set_title(titles[i], fontsize=8)
    return figure


def curve_with_band(axis, x, runs, *, label: str, colour=None):
    """The mean over seeds of `runs` [seeds, points] against `x` [points], with the range over seeds as a band."""
    runs = np.asarray(runs, dtype=float)
    (line,) = axis.plot(x, runs.mean(0), label=label, color=colour)
    axis.fill_between(x, runs.min(0), runs.max(0), color=line.get_color(), alpha=0.18, linewidth=0)
    return line


def paired_dots(axis, scores, methods: Sequence[str], metric: str, *, percent: bool = False):
    """One column a method, one dot a seed, the dots of a seed joined by a line: what is paired is seen to be paired."""
    scale = 100 if percent else 1
    values = np.array([list(scores.by_seed(m, metric).values()) for m in methods]) * scale
    axis.plot(range(len(methods)), values, color="0.75", linewidth=1, zorder=1)
    for i in range(len(methods)):
        axis.scatter([i] * values.shape[1], values[i], color=COLOURS[i % len(COLOURS)], zorder=2)
        axis.hlines(values[i].mean(), i - 0.22, i + 0.22, color="black", zorder=3)
    axis.set_xticks(range(len(methods)), methods)
    axis.set_ylabel(metric + (" (%)" if percent else ""))
    axis.margins(x=0.12)


# ------------------------------------------------------------------------------------------------ figures that move


_MOVABLE = """<figure class="movable" id="{key}">
<label hidden>{name}: <input type="range" min="0" max="{last}" value="{start}" step="1"> <output>{shown}</output></label>
<img alt="{alt}" src="{picture}">
<script>
(() => {{
  const figure = document.getElementById("{key}"), label = figure.querySelector("label");
  const input = figure.querySelector("input"), frames = {frames};
  const show = () => {{
    const [words, picture] = frames[input.value];
    figure.querySelector("output").textContent = words;
    input.setAttribute("aria-valuetext", words);
    figure.querySelector("img").src = picture;
  }};
  label.hidden = false;
  input.addEventListener("input", show);
  show();
}})();
</script>
</figure>"""


class Movable:
    """Figures drawn beforehand, of which a slider shows one; where no script runs, the one at `start` stands still.

    Args:
        frames: what the slider says -> the figure it shows; all of one size, 2 to 24 of them. They are closed.
        name: what the slider moves, such as "temperature".
        alt: what is seen and what changes, without numbers that could go stale.
        start: the frame shown first, and the one that print and Colab's preview keep.

    Raises:
        ValueError: not 2 to 24 frames, no such `start`, or no alt text.
    """

    def __init__(self, frames: Mapping[str, plt.Figure], *, name: str, alt: str, start: int = 0):
        if not 2 <= len(frames) <= 24:
            raise ValueError(f"a movable figure has 2 to 24 frames, not {len(frames)}")
        if not 0 <= start < len(frames):
            raise ValueError(f"there is no frame {start} among {len(frames)}")
        if len(alt.split()) < 5:
            raise ValueError("say in `alt` what is seen, in five words or more")
        self.labels, self.name, self.alt, self.start = list(frames), name, alt, start
        self.pictures = [_small_png(figure) for figure in frames.values()]
        for figure in frames.values():
            plt.close(figure)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        encoded = [base64.b64encode(p).decode() for p in self.pictures]
        sources = [f"data:image/png;base64,{e}" for e in encoded]
        # In a script, "<" could end it; in JSON it may be written as its code.
        frames = json.dumps(list(zip(self.labels, sources, strict=True)), ensure_ascii=False).replace("<", "\\u003c")
        page = _MOVABLE.format(
            key="movable-" + hashlib.sha256(frames.encode()).hexdigest()[:12],
            name=html.escape(self.name),
            alt=html.escape(self.alt),
            last=len(self.labels) - 1,
            start=self.start,
            shown=html.escape(self.labels[self.start]),
            picture=sources[self.start],
            frames=frames,
        )
        return {"text/html": page, "image/png": encoded[self.start], "text/plain": f"<figure: {self.alt}>"}


def _small_png(figure: plt.Figure) -> bytes:
    """The figure as PNG with a palette of 128 colours: plots lose nothing, and many fit on one page."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    # Not the median cut: it gives a rare colour, such as that of one thin bar, away to a common one.
    palette = Image.open(drawn).convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE)
    palette.save(small, "PNG", optimize=True)
    return small.getvalue()
