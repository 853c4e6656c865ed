"""How long sound is on its way: alone, beside what keeps the machine busy, and to a bot that has to be woken."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.room.calls import first_audio
from bench.room.voices import voices
from bench.running import Bench, rounded, span
from bench.servers import Side
from bench.signals import LONGEST_ECHO

_LOOPS: Final = 3
_QUIET, _BUSY, _AFTER = 8.0, 8.0, 20.0
"""Seconds of a call before three loops begin, while they run, after they have ended."""
_WITHIN: Final = 5.0  # ms of its floor
_IN_A_ROW: Final = 3  # echoes that are within
_WORD, _SPELT = "okay nabu", "okay naboo"


def echo(bench: Bench, side: Side) -> dict[str, Any]:
    """Mouth to ear and back, and from the offer to the first packet, in milliseconds; the span is of the calls."""
    with bench.serving(side) as server:
        calls = _calls(bench, server, _chirps(bench))
    found, delays = _echo(calls)
    connected = [call["connect_ms"] for call in calls]
    return {
        "echo_ms": found,
        "echo_missed": rounded(np.isnan(delays).mean(), 3),
        "echo_samples_ms": [rounded(delay) for delay in delays[~np.isnan(delays)]],
        "connect_ms": rounded(np.median(connected)),
        "span": {**_span("echo_ms", calls), "connect_ms": span(connected)},
    }


def busy(bench: Bench, side: Side) -> dict[str, Any]:
    """The echo beside three loops that take all the CPU that they can get."""
    with bench.serving(side) as server, _loops(bench, _LOOPS):
        calls = _calls(bench, server, _chirps(bench))
    return {"echo_busy_ms": _echo(calls)[0], "span": _span("echo_busy_ms", calls)}


def hog(bench: Bench, side: Side) -> dict[str, Any]:
    """The echo beside a call of the same server whose bot takes all the CPU that it can get."""
    with bench.serving(side) as server:
        calls = _calls(bench, server, _chirps(bench) | {"hog": True})
    return {"echo_hog_ms": _echo(calls)[0], "span": _span("echo_hog_ms", calls)}


def back(bench: Bench, side: Side) -> dict[str, Any]:
    """Seconds after three such loops have ended until the echo is back within 5 ms of what it was before them."""
    times = []
    began = ended = 0.0
    plan = {"kind": "echo", "calls": 2, "seconds": _QUIET + _BUSY + _AFTER}
    with bench.serving(side) as server:
        for event in bench.events(server, plan):
            if event["event"] == "speaking":
                time.sleep(_QUIET)
                began = time.monotonic()
                with _loops(bench, _LOOPS):
                    time.sleep(_BUSY)
                ended = time.monotonic()
            if event["event"] == "call":
                times.append(back_after(event["said_at"], event["echo_ms"], began, ended))
    return {"echo_back_s": rounded(max(times), 1), "span": {"echo_back_s": span(times)}}


def back_after(said_at: Sequence[float], echo_ms: Sequence[float], began: float, ended: float) -> float:
    """Seconds from `ended` to the first of three echoes in a row that are within 5 ms of the median before `began`.

    As long as the call went on where there are none.
    """
    when, delays = np.array(said_at), np.array(echo_ms)
    floor = np.nanmedian(delays[when < began - LONGEST_ECHO])
    later = np.flatnonzero(when >= ended)
    near = delays[later] <= floor + _WITHIN  # a chirp that was lost is no number, which is not
    for first in range(near.size - _IN_A_ROW + 1):
        if near[first : first + _IN_A_ROW].all():
            return float(when[later[first]] - ended)
    return float(when[-1] - ended)


def wake(bench: Bench, side: Side) -> dict[str, Any]:
    """From the end of a question that a wake word led to, to the first sound of its answer at a simulated device."""
    del side
    known = [(name, speak) for name, speak in voices().items() if name.startswith("flite")]
    settings = {"VOICEGW_WAKE": json.dumps([_WORD])}
    found = first_audio(known[:1], bench.scale.questions, settings, after=f"{_SPELT}, ")
    if not found:
        raise RuntimeError("nothing that was said after the wake word was answered")
    return {
        "wake_to_answer_ms": rounded(statistics.median(found)),
        "wake_answered": len(found) / bench.scale.questions,
        "span": {"wake_to_answer_ms": span(found)},
    }


def _chirps(bench: Bench) -> dict[str, Any]:
    return {"kind": "echo", "calls": bench.scale.calls, "seconds": bench.scale.call_seconds}


def _calls(bench: Bench, server: Any, plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [event for event in bench.events(server, plan) if event["event"] == "call"]


def _echo(calls: list[dict[str, Any]]) -> tuple[dict[str, float], npt.NDArray[np.float64]]:
    delays = np.array([delay for call in calls for delay in call["echo_ms"]])
    later = np.nan_to_num(delays, nan=1000 * LONGEST_ECHO)  # at least
    quantiles = dict(zip(("p50", "p95", "p99"), np.percentile(later, (50, 95, 99)), strict=True))
    quantiles["gap"] = max(call["gap_ms"] for call in calls)
    return {name: rounded(value) for name, value in quantiles.items()}, delays


def _span(key: str, calls: list[dict[str, Any]]) -> dict[str, list[float]]:
    each = [_echo([call])[0] for call in calls]
    return {f"{key}.{name}": span([of[name] for of in each]) for name in each[0]}


@contextlib.contextmanager
def _loops(bench: Bench, count: int) -> Iterator[None]:
    """Each in a session of its own, as programs are that somebody started elsewhere."""
    loop = [*bench.network.server, sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(loop, start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for process in loops:
            process.kill()
            process.wait()
