"""The measurements: each runs the client against one side's server and gives figures by name."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.network import Network
from bench.recogniser import transcribe_span
from bench.servers import Server, Side, serving
from bench.signals import LONGEST_ECHO, RATE, Reading, word_errors

LOSS_RATES: Final = (5, 10, 20)
_BURSTS: Final = {"random": 1.0, "burst": 3.0}
_TRACES: Final = 3  # of losses, each way
_TOGETHER: Final = 7  # calls at once in the loss measurement: what the baseline carries with ease
_MARGIN: Final = int(0.15 * RATE)  # heard before and after each sentence


@dataclass(frozen=True, slots=True)
class Scale:
    """How long to measure: the whole run, or a look."""

    calls: int
    call_seconds: float
    steady_seconds: float
    sessions: tuple[int, ...]
    plateau_seconds: float
    ramp_limit: int
    sentences: int


FULL: Final = Scale(5, 20.0, 20.0, (1, 8, 32), 6.0, 96, 20)
QUICK: Final = Scale(2, 8.0, 6.0, (1, 8), 4.0, 12, 3)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements of one run share."""

    network: Network
    scale: Scale
    speech: Path
    reading: Reading
    before: Path | None = None
    """The code of an earlier version of ours."""

    def serving(self, side: Side, **options: Any) -> contextlib.AbstractContextManager[Server]:
        """One side's server for the length of a block; see `servers.serving`."""
        if side == "before":
            options["root"] = self.before
        return serving(side, self.network, **options)

    def events(self, server: Server, plan: dict[str, Any], *, core: int | None = None) -> Iterator[Any]:
        """Run the client's process with a plan; its events as they come. Raises if it fails."""
        pinned = () if core is None else ("taskset", "-c", str(core))
        client = subprocess.Popen(
            [*self.network.client, *pinned, sys.executable, "-m", "bench.client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        assert client.stdin is not None
        assert client.stdout is not None
        with client.stdin as pipe:
            json.dump(plan | {"url": server.url}, pipe)
        yield from map(json.loads, client.stdout)
        if client.wait() != 0:
            raise RuntimeError(f"the client failed: {plan['kind']}")


def echo(bench: Bench, side: Side) -> dict[str, Any]:
    """Mouth to ear and back, and from the offer to the first packet, in milliseconds."""
    with bench.serving(side) as server:
        calls = list(bench.events(server, _chirps(bench)))
    found, delays = _echo(calls)
    return {
        "echo_ms": found,
        "echo_missed": _round(np.isnan(delays).mean(), 3),
        "echo_samples_ms": [_round(delay) for delay in delays[~np.isnan(delays)]],
        "connect_ms": _round(np.median([call["connect_ms"] for call in calls])),
    }


def busy(bench: Bench, side: Side) -> dict[str, Any]:
    """The echo beside three loops that take all the CPU that they can get."""
    with bench.serving(side) as server, _loops(bench, 3):
        calls = list(bench.events(server, _chirps(bench)))
    return {"echo_busy_ms": _echo(calls)[0]}


def hog(bench: Bench, side: Side) -> dict[str, Any]:
    """The echo beside a call of the same server whose bot takes all the CPU that it can get."""
    with bench.serving(side) as server:
        calls = list(bench.events(server, _chirps(bench) | {"hog": True}))
    return {"echo_hog_ms": _echo(calls)[0]}


def _chirps(bench: Bench) -> dict[str, Any]:
    return {"kind": "echo", "calls": bench.scale.calls, "seconds": bench.scale.call_seconds}


def _echo(calls: list[dict[str, Any]]) -> tuple[dict[str, float], npt.NDArray[np.float64]]:
    delays = np.array([delay for call in calls for delay in call["echo_ms"]])
    later = np.nan_to_num(delays, nan=1000 * LONGEST_ECHO)  # at least
    quantiles = dict(zip(("p50", "p95", "p99"), np.percentile(later, (50, 95, 99)), strict=True))
    quantiles["gap"] = max(call["gap_ms"] for call in calls)
    return {name: _round(value) for name, value in quantiles.items()}, delays


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


def idle(bench: Bench, side: Side) -> dict[str, Any]:
    """CPU time of a second of a call in a silent room, whose bot waits to be spoken to; memory of such a call."""
    cpu, memory = {}, {}
    for sessions in (1, 8):
        plan = {
            "kind": "silent",
            "sessions": sessions,
            "seconds": bench.scale.steady_seconds,
            "dtx": side != "baseline",  # which Pipecat's transport takes for a client that is gone
        }
        with bench.serving(side, bot="assistant") as server:
            for event in bench.events(server, plan):
                if event["event"] == "begin":
                    memory[sessions] = server.rss_mb()
                    began, used = time.monotonic(), server.cpu_seconds()
                if event["event"] == "end":
                    cpu[sessions] = (server.cpu_seconds() - used) / (time.monotonic() - began)
    return {
        "idle_cpu_s": _round(cpu[8] / 8, 5),
        "assistant_rss_mb_per_session": _round((memory[8] - memory[1]) / 7, 2),
    }


def cost(bench: Bench, side: Side) -> dict[str, Any]:
    """CPU time of a session's second, memory of a session, bytes of a packet, by number of sessions that ask."""
    cpu: dict[str, float] = {}
    late: dict[str, float] = {}
    carried: dict[str, int] = {}
    memory: dict[int, float] = {}
    payload = float("nan")
    for sessions in bench.scale.sessions:
        with bench.serving(side) as server:
            for event in bench.events(server, _steady(bench, sessions)):
                if event["event"] == "begin":
                    there = carried[str(sessions)] = event["sessions"]
                    memory[there] = server.rss_mb()  # at the end bots leave while it is added up
                    began, used = time.monotonic(), server.cpu_seconds()
                if event["event"] == "end":
                    spent = (server.cpu_seconds() - used) / (time.monotonic() - began)
                    cpu[str(sessions)] = _round(spent / there, 4)
                    late[str(sessions)] = _round(event["late"], 4)
                    payload = event["payload_bytes"] if sessions <= 8 else payload
    few, many = min(memory), max(memory)
    return {
        "cpu_per_session_s": cpu,
        "carried": carried,
        "late": late,
        "payload_bytes": _round(payload),
        "rss_mb_per_session": _round((memory[many] - memory[few]) / (many - few or float("nan")), 2),
        "rss_mb": _round(memory[few]),
    }


def _steady(bench: Bench, sessions: int) -> dict[str, Any]:
    seconds = bench.scale.steady_seconds
    return {"kind": "steady", "sessions": sessions, "seconds": seconds, "speech": str(bench.speech)}


def capacity(bench: Bench, side: Side) -> dict[str, Any]:
    """How many sessions one core carries with under 1 % of packets later than 20 ms.

    The server has core 0 to itself, the client core 1.
    """
    step = 1 if side == "baseline" else 2
    plan = {
        "kind": "ramp",
        "step": step,
        "plateau": bench.scale.plateau_seconds,
        "limit": bench.scale.ramp_limit,
        "speech": str(bench.speech),
    }
    with bench.serving(side, core=0) as server:
        events = list(bench.events(server, plan, core=1))
    plateaus = [event for event in events if event["event"] == "plateau"]
    good = [plateau["sessions"] for plateau in plateaus if plateau["late"] < 0.01]
    return {"sessions_per_core": max(good, default=0), "plateaus": plateaus}


def loss(bench: Bench, side: Side) -> dict[str, Any]:
    """How much of the words is lost more than without loss, at 5, 10 and 20 %, mean of the ways below.

    Packets are lost at random or in bursts of three on the mean, on the way up or on the way down.
    """
    conditions = _conditions(bench, side)
    for start in range(0, len(conditions), _TOGETHER):
        group = list(conditions.values())[start : start + _TOGETHER]
        with bench.serving(side) as server:
            for _ in bench.events(server, {"kind": "loss", "conditions": group, "speech": str(bench.speech)}):
                pass
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        wer = {name: _wer(bench, pool, Path(condition["out"])) for name, condition in conditions.items()}
    clean = wer["clean"]
    rises = {
        str(rate): _round(
            np.mean([rate_wer for name, rate_wer in wer.items() if name.startswith(f"{rate}-")]) - clean, 4
        )
        for rate in LOSS_RATES
    }
    return {"loss_wer": rises, "wer": {name: _round(value, 4) for name, value in wer.items()}}


def burst(bench: Bench, side: Side) -> dict[str, Any]:
    """The same at 20 % in bursts, without redundancy (RED) and with it, and the bytes of a payload.

    Over three traces of losses each way; `spread` is the standard error of their mean.
    """
    conditions = _bursts(bench, side)
    payload: dict[str, float] = {}
    for start in range(0, len(conditions), _TOGETHER):
        group = dict(list(conditions.items())[start : start + _TOGETHER])
        with bench.serving(side) as server:
            plan = {"kind": "loss", "conditions": [*group.values()], "speech": str(bench.speech)}
            for event in bench.events(server, plan):
                payload[event["out"]] = event["bytes"]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        wer = {name: _wer(bench, pool, Path(condition["out"])) for name, condition in conditions.items()}
    figures: dict[str, dict[str, float]] = {"burst_wer": {}, "burst_spread": {}, "burst_payload_bytes": {}}
    for how in ("without", "with"):
        names = [name for name in conditions if name.startswith(f"{how}-")]
        rises = np.array([wer[name] for name in names]) - wer["clean"]
        figures["burst_wer"][how] = _round(rises.mean(), 4)
        figures["burst_spread"][how] = _round(rises.std(ddof=1) / np.sqrt(rises.size), 4)
        sizes = [payload[conditions[name]["out"]] for name in names]
        figures["burst_payload_bytes"][how] = _round(np.mean(sizes))
    return {**figures, "burst_each": {name: _round(value, 4) for name, value in wer.items()}}


def _bursts(bench: Bench, side: Side) -> dict[str, dict[str, Any]]:
    folder = bench.speech.parent
    conditions = {"clean": _conditions(bench, side)["clean"]}
    for how in ("without", "with"):
        for way in ("up", "down"):
            for seed in range(_TRACES):
                name = f"{how}-{way}-{seed}"
                conditions[name] = {
                    "rate": LOSS_RATES[-1] / 100,
                    "burst": _BURSTS["burst"],
                    "seed": 100 * (seed + 10),
                    "up": way == "up",
                    "redundant": how == "with",
                    "out": str(folder / f"{side}-burst-{name}.wav"),
                }
    return conditions


def _conditions(bench: Bench, side: Side) -> dict[str, dict[str, Any]]:
    folder = bench.speech.parent
    clean = {"rate": 0.0, "burst": 1.0, "seed": 0, "up": True, "out": str(folder / f"{side}-clean.wav")}
    conditions: dict[str, dict[str, Any]] = {"clean": clean}
    for seed, rate in enumerate(LOSS_RATES):
        for kind, burst in _BURSTS.items():
            for way in ("up", "down"):
                name = f"{rate}-{kind}-{way}"
                out = str(folder / f"{side}-{name}.wav")
                conditions[name] = {
                    "rate": rate / 100,
                    "burst": burst,
                    "seed": 100 * seed,  # the same packets on both sides
                    "up": way == "up",
                    "out": out,
                }
    return conditions


def _wer(bench: Bench, pool: Executor, heard: Path) -> float:
    spans = [(max(0, start - _MARGIN), end + _MARGIN) for start, end in bench.reading.spans]
    texts = list(pool.map(partial(transcribe_span, heard), spans))
    errors = sum(word_errors(said, text) for said, text in zip(bench.reading.texts, texts, strict=True))
    return errors / sum(len(said.split()) for said in bench.reading.texts)


def _round(value: Any, digits: int = 1) -> float:
    return round(float(value), digits)
