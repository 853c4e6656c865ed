"""Plots as SVG that takes its colours from the page, so that it reads by day and by night."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from hil.record import sound
from hil.record.results import Parts, Series

mpl.use("svg")

# Stand-ins, which the page's own colours replace.
_INK, _LINE = "#010203", "#010204"
_COLOURS: Final = ("#010211", "#010212", "#010213", "#010214", "#010215")
_STYLE: Final[Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _LINE,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "svg.hashsalt": "hil",
}


def waterfall(parts: Parts) -> str:
    """One bar, cut where one stage hands over to the next."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.4, 0.62 + 0.3 * len(parts.stages)), layout="constrained")
        axes = figure.subplots()
        left = 0.0
        whole = sum(ms for _, ms in parts.stages) or 1.0
        for row, (name, ms) in enumerate(parts.stages):
            axes.barh(row, ms, left=left, color=_COLOURS[row % len(_COLOURS)], height=0.62)
            at_end = left + ms < 0.8 * whole
            axes.annotate(
                f"{name}  {ms:.0f} ms", (left + ms if at_end else left, row), (4 if at_end else -4, 0),
                textcoords="offset points", va="center", ha="left" if at_end else "right", fontsize=9,
            )  # fmt: skip
            left += ms
        axes.invert_yaxis()
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0, whole * 1.02)
        axes.set_xlabel("milliseconds")
        return _svg(figure, f"{parts.title}: {whole:.0f} ms in all")


def lines(title: str, unit: str, series: Sequence[tuple[str, Series]], axis: str = "seconds") -> str:
    """Some series over time, in one frame."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.4, 2.1), layout="constrained")
        axes = figure.subplots()
        for colour, (name, one) in zip(_COLOURS * 9, series, strict=False):
            axes.plot(*_thinned(one), color=colour, linewidth=1.3, label=name)
        axes.set_ylabel(unit)
        axes.set_xlabel(axis)
        _calm(axes)
        axes.ticklabel_format(useOffset=False, style="plain")
        if len(series) > 1:
            axes.legend(ncols=4, fontsize=8, loc="upper left", bbox_to_anchor=(0, 1.22))
        return _svg(figure, title)


def spectrograms(title: str, recordings: Sequence[tuple[str, sound.Signal]]) -> str:
    """One below the other, on one scale of time, frequency and loudness."""
    with mpl.rc_context(_STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(11, 1.35 * len(recordings)), layout="constrained")
        frames = figure.subplots(len(recordings), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, signal) in zip(frames, recordings, strict=True):
            _spectrogram(axes, signal)
            axes.set_ylabel(f"{name}\nkHz")
        frames[-1].set_xlabel("seconds")
        return _svg(figure, title, wide=True)


def _spectrogram(axes: Any, signal: sound.Signal) -> None:
    size, hop = 512, 160
    count = max((signal.size - size) // hop, 1)
    padded = np.pad(signal, (0, max(0, size + hop - signal.size)))
    frames = np.stack([padded[i * hop : i * hop + size] for i in range(count)]) * np.hanning(size)
    power = 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)).T + 1e-3)
    axes.imshow(
        power, origin="lower", aspect="auto", cmap="magma", vmin=-50, vmax=30, interpolation="bilinear",
        extent=(0, signal.size / sound.RATE, 0, sound.RATE / 2000),
    )  # fmt: skip


def _calm(axes: Any) -> None:
    """Keep a tenth of a value in sight, so that what hardly moves does not look wild."""
    low, high = axes.get_ylim()
    middle, least = (low + high) / 2, 0.1 * max(abs(low), abs(high))
    if high - low < least:
        axes.set_ylim(middle - least / 2, middle + least / 2)


def _thinned(one: Series, most: int = 600) -> tuple[list[float], list[float]]:
    step = max(1, len(one.at) // most)
    return one.at[::step], one.values[::step]


def _svg(figure: Figure, title: str, *, wide: bool = False) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg [^>]*?)width="[\d.]+pt" height="[\d.]+pt"', r'\1role="img"', text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    salt = f"p{zlib.crc32((title + text).encode()):08x}"  # one page holds many of these, and ids are its own
    text = re.sub(r'\bid="', f'id="{salt}', text)
    text = re.sub(r'(url\(#|href="#)', rf"\1{salt}", text)
    text = text.replace(_INK, "var(--ink)").replace(_LINE, "var(--line)")
    for number, colour in enumerate(_COLOURS, 1):
        text = text.replace(colour, f"var(--plot-{number})")
    return f"<figure{' class=wide' if wide else ''}><figcaption>{title}</figcaption>{text}</figure>"
