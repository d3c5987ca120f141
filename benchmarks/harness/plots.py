"""The plots: SVG that can be read on light and on dark pages."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from harness.peers import Peer
from harness.results import Results, deliveries, p50, p99
from harness.workloads import WORKLOADS

# Drawn in these colours, which the file then maps to those of the reader's page.
INK, PAPER, FAINT = "#010203", "#fcfdfe", "#a0b0c0"
OURS, THEIRS, FLOOR = "#d9480f", "#3b82c4", "#8a8f98"
STYLE = """<style>
:root { --ink: #1f2328; --paper: #ffffff; --faint: #d0d7de }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0d1117; --faint: #3d444d }
}
</style>
"""
THROUGHPUT = ("W1", "W1-1", "W2", "W3", "W6")
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "camrelay",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
}


def draw_all(results: Results, folder: Path) -> list[Path]:
    """Draw every plot that there are figures for."""
    with mpl.rc_context(SETTINGS):
        pictures = {
            "throughput": _throughput(results),
            "latency": _latency(results),
            "connections": _connections(results),
        }
        return [
            save(picture, folder / f"{name}.svg") for name, picture in pictures.items() if picture
        ]


def _throughput(results: Results) -> Picture | None:
    names = [name for name in THROUGHPUT if name in results.workloads()]
    if not names:
        return None
    picture, panels = plt.subplots(
        1,
        len(names),
        figsize=(2.2 * len(names) + 1.6, _height(results)),
        sharey=True,
        squeeze=False,
    )
    for axes, name in zip(panels[0], names, strict=True):
        for place, peer in enumerate(results.peers):
            figure = results.figure(peer, name, deliveries)
            if figure:
                axes.plot([figure.least, figure.most], [place, place], color=_colour(peer), lw=2)
                axes.plot(figure.median, place, "o", color=_colour(peer), ms=6)
                axes.annotate(
                    short(float(f"{figure.median:.2g}"), 0),
                    (figure.median, place),
                    xytext=(0, 5),
                    textcoords="offset points",
                    ha="center",
                    fontsize=7,
                )
        _scale(axes, f"{name}: {WORKLOADS[name].short}")
    _label(panels[0][0], results)
    picture.suptitle("Deliveries per second on one core (log scale)")
    return picture


def _latency(results: Results) -> Picture | None:
    if "W4" not in results.workloads():
        return None
    picture, axes = plt.subplots(figsize=(7, _height(results)))
    for place, peer in enumerate(results.peers):
        median, worst = (results.figure(peer, "W4", of) for of in (p50, p99))
        if median and worst:
            ends = [median.median, worst.median]
            axes.plot(ends, [place, place], color=_colour(peer), lw=2)
            axes.plot(ends[0], place, "o", color=_colour(peer), ms=5, fillstyle="none")
            axes.plot(ends[1], place, "o", color=_colour(peer), ms=6)
    _scale(axes, "W4")
    axes.set_title("")
    axes.set_xlabel("milliseconds, log scale; open: p50, full: p99")
    _label(axes, results)
    picture.suptitle("Latency at 100,000 deliveries per second")
    return picture


def _connections(results: Results) -> Picture | None:
    if "W5" not in results.workloads():
        return None
    picture, panels = plt.subplots(1, 2, figsize=(8, _height(results)), sharey=True)
    columns = (("kib_per_connection", "KiB of memory each"), ("connects_per_second", "connects/s"))
    for axes, (key, title) in zip(panels, columns, strict=True):
        for place, peer in enumerate(results.peers):
            figure = results.figure(peer, "W5", lambda run, key=key: run[key])
            if figure:
                axes.barh(place, figure.median, color=_colour(peer), height=0.55)
                axes.annotate(
                    f" {figure.median:,.1f}" if figure.median < 100 else f" {figure.median:,.0f}",
                    (figure.median, place),
                    va="center",
                    fontsize=8,
                )
        axes.set_title(title, fontsize=9)
        axes.margins(x=0.18)
        axes.xaxis.set_major_formatter(FuncFormatter(short))
        _tidy(axes)
    _label(panels[0], results)
    picture.suptitle(WORKLOADS["W5"].title)
    return picture


def _scale(axes: Axes, title: str) -> None:
    axes.set_xscale("log")
    axes.set_title(title, fontsize=9)
    axes.xaxis.set_major_locator(LogLocator(numticks=6))
    axes.xaxis.set_major_formatter(FuncFormatter(short))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.12)
    _tidy(axes)


def _tidy(axes: Axes) -> None:
    axes.grid(axis="x", lw=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)


def _label(axes: Axes, results: Results) -> None:
    axes.set_yticks(range(len(results.peers)), [peer.title for peer in results.peers])
    axes.set_ylim(len(results.peers) - 0.5, -0.5)
    for text, peer in zip(axes.get_yticklabels(), results.peers, strict=True):
        text.set_fontweight("bold" if peer.name == "camrelay" else "normal")


def _height(results: Results) -> float:
    return 1.3 + 0.34 * len(results.peers)


def _colour(peer: Peer) -> str:
    return FLOOR if peer.floor else OURS if peer.name == "camrelay" else THEIRS


def short(value: float, _position: int) -> str:
    """A number with k or M, for people and for axes."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def save(picture: Picture, path: Path) -> Path:
    """Write the picture, drawn with SETTINGS, in the colours of the reader's page."""
    picture.tight_layout()
    metadata: dict[str, Any] = {"Date": None, "Creator": None}
    picture.savefig(path, format="svg", metadata=metadata)
    plt.close(picture)
    text = path.read_text("utf-8")
    for drawn, shown in ((INK, "var(--ink)"), (PAPER, "var(--paper)"), (FAINT, "var(--faint)")):
        text = text.replace(drawn, shown)
    head, opening, rest = text.partition("<defs>")
    lines = (line.rstrip() for line in f"{head}{STYLE}{opening}{rest}".splitlines())
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
