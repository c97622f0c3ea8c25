"""The book's look: one theme, readable on light and dark pages, with colours that colour-blind readers can tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

COLOURS = sns.color_palette("colorblind")


def use_theme() -> None:
    """Set the book's style. Figures keep a white ground of their own, so that they stay readable on a dark page."""
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "savefig.facecolor": "white",
            "figure.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "legend.frameon": False,
            "image.interpolation": "nearest",
        }
    )


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
