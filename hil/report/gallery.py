"""Which plots a run has: read off its results and its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from hil.record import sound
from hil.record.results import Result, Run, Series
from hil.report.plots import lines, spectrograms, waterfall
from hil.station import QUESTION

_TITLES: Final = {
    "jitter": ("Jitter of what the link saw", "ms"),
    "loss": ("Loss on the link", "%"),
    "heap": ("Free heap", "KiB"),
    "echo": ("Echo over a long call", "ms"),
    "playout": ("Jitter buffer over a long call", "ms"),
}
_LINES_MAX: Final = 4
_SPOKEN_SECONDS: Final = 4.0


def gallery(folder: Path, run: Run) -> Iterator[str]:
    """SVG figures, the most telling first."""
    for result in run.results:
        yield from (waterfall(parts) for parts in result.parts if parts.stages)
    yield from _spoken(folder, run)
    for prefix, (title, unit) in _TITLES.items():
        found = [(r, s) for r in run.results for s in r.series if s.name.startswith(prefix)]
        chosen = sorted(found, key=lambda pair: -max(pair[1].values, default=0.0))[:_LINES_MAX]
        if chosen and prefix == "heap":
            yield from (_heap(result, series) for result, series in found)
        elif chosen:
            yield lines(title, unit, [(_label(r, s), s) for r, s in chosen])


def _heap(result: Result, series: Series) -> str:
    kib = Series(series.name, "KiB", series.at, [v / 1024 for v in series.values])
    calls = "reconnect" in result.test
    return lines(
        f"Free heap, {'call after call' if calls else 'in a long call'}",
        "KiB",
        [("free", kib)],
        "calls" if calls else "seconds",
    )


def _label(result: Result, series: Series) -> str:
    detail = result.test.partition("[")[2].rstrip("]") or series.name
    return detail.replace("_", " ")


def _spoken(folder: Path, run: Run) -> Iterator[str]:
    """What was said beside what the gateway heard, without and with loss."""
    recordings = []
    for result in run.results:
        if "words_survive" not in result.test:
            continue
        heard = folder / result.folder / "gateway-heard-1.wav"
        if heard.exists():
            loss = result.test.partition("[")[2].rstrip("]")
            recordings.append((f"heard, {loss} % lost", _cut(sound.read(heard))))
    if recordings:
        said = _padded(sound.read(QUESTION))
        yield spectrograms("A question on its way to the gateway", [("said", said), *recordings])


def _cut(heard: sound.Signal) -> sound.Signal:
    said = sound.read(QUESTION)
    start = int(sound.align(said, heard, longest=heard.size / sound.RATE).lag * sound.RATE)
    return heard[max(start - sound.RATE // 4, 0) : start + said.size + sound.RATE // 4]


def _padded(signal: sound.Signal) -> sound.Signal:
    """With a quarter of a second of silence on both sides."""
    return np.pad(signal, sound.RATE // 4)
