"""The plot: deliveries a second against the number of workers."""

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from harness.cluster.plan import CAMRELAY, CLOSED, WORKERS
from harness.cluster.results import Results
from harness.peers import Peer
from harness.plots import INK, OURS, SETTINGS, THEIRS, save, short
from harness.results import deliveries

STYLES = ("-", "--", ":")
BELOW = "--"
"""The line whose figures stand below it, out of the way of the next."""


def draw(results: Results, path: Path) -> Path:
    """A line for each: medians, with least and most of the rounds."""
    with mpl.rc_context(SETTINGS):
        picture, axes = plt.subplots(figsize=(7, 3.6))
        for peer, style in zip(results.peers, STYLES, strict=False):
            _line(axes, results, peer, style)
        axes.set_yscale("log")
        axes.set_xscale("log", base=2)
        axes.set_xticks(WORKERS, [str(workers) for workers in WORKERS])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(short))
        axes.set_xlabel("processes behind one port, with one Redis")
        axes.set_ylabel("deliveries a second, log scale")
        axes.grid(axis="y", lw=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0.3, y=0.15)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0)
        cores = results.table["machine"]["cores"]
        axes.set_title(f"100 rooms of 10 phones; {cores} cores for servers, Redis and client")
        return save(picture, path)


def _line(axes: Axes, results: Results, peer: Peer, style: str) -> None:
    places, medians = [], []
    colour = OURS if peer.name == CAMRELAY else THEIRS
    for workers in WORKERS:
        where = {"peer": peer.name, "load": CLOSED, "workers": workers, "redis": True}
        figure = results.figure(deliveries, **where)
        if figure is None:
            continue
        places.append(workers)
        medians.append(figure.median)
        axes.plot([workers, workers], [figure.least, figure.most], color=colour, lw=2)
        axes.annotate(
            short(float(f"{figure.median:.2g}"), 0),
            (workers, figure.least if style == BELOW else figure.most),
            xytext=(0, -11 if style == BELOW else 4),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axes.plot(places, medians, style, marker="o", ms=5, color=colour, lw=1.5)
    if places:
        axes.annotate(
            f"  {peer.title}",
            (places[-1], medians[-1]),
            va="center",
            fontsize=8,
            color=INK,
            xytext=(6, 0),
            textcoords="offset points",
        )
