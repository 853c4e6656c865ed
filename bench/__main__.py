"""`python -m bench`: measure our gateway beside Pipecat's own runner, and write down what came out."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, get_args

from bench import capacity, cost, latency, losses, report
from bench.network import network
from bench.running import FULL, QUICK, Bench, Scale
from bench.servers import Side
from bench.signals import Reading, reading, write_wav
from bench.slow import NoCgroup, held

_FOLDER: Final = Path(__file__).parent
_KEPT: Final = _FOLDER.parent / "build" / "bench"
"""The results of the last run of each profile, and of the last that was none, whatever became of it."""
_TWO: Final[Sequence[Side]] = ("baseline", "ours", "before")
_MEASURES: Final[dict[str, tuple[Callable[[Bench, Side], dict[str, Any]], Sequence[Side]]]] = {
    "echo": (latency.echo, _TWO),
    "busy": (latency.busy, _TWO),
    "back": (latency.back, _TWO),
    "hog": (latency.hog, ("baseline", "ours")),
    "wake": (latency.wake, ("ours",)),
    "cost": (cost.cost, ("baseline", "ours", "packed", "before")),
    "idle": (cost.idle, _TWO),
    "asleep": (cost.asleep, ("ours", "before")),
    "assistant": (cost.assistant, _TWO),
    "capacity": (capacity.capacity, ("baseline", "ours", "packed")),
    "asking": (capacity.capacity_asking, ("baseline", "ours")),
    "overload": (capacity.overload, ("baseline", "ours")),
    "loss": (losses.loss, ("baseline", "ours")),
    "burst": (losses.burst, ("ours",)),
}
_PI: Final = ("echo", "idle", "capacity", "asking")
"""What is measured of a machine of the Raspberry Pi class."""


def main() -> None:
    """Run what is asked for; a partial or quick run is printed, a whole one is written down."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and namespaces go away
    scale = QUICK if options.quick else FULL
    sides = options.side or [side for side in get_args(Side) if side != "before" or options.before]
    names = options.only or list(_MEASURES if options.profile == "whole" else _PI)
    is_whole = not (options.quick or options.only or options.side)
    kept = _KEPT / f"{options.profile if is_whole else 'part'}.json"
    results: dict[str, Any] = {}
    if options.go_on:
        results, names = left(kept, names, sides)
    try:
        with held() if options.profile == "pi" else contextlib.nullcontext(()) as slow:
            _run(results, names, sides, Machine(scale, options.before, slow))
    except NoCgroup as error:
        sys.exit(f"error: {error}")
    finally:
        _KEPT.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(results, indent=1) + "\n")
        if len(results) > 1:
            print(report.table(results))  # noqa: T201
    if "failed" in results:
        failed = f"docs stay as they are, since not all was measured: {results['failed']}"
        sys.exit(f"error: {failed}{'; --go-on measures that alone' if is_whole else ''}")
    if is_whole:
        (_FOLDER / report.PAGES[options.profile].results).write_text(json.dumps(results, indent=1) + "\n")
        report.write(results, options.profile)
    elif options.json:
        json.dump(results, sys.stdout, indent=1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short look; nothing is written down")
    parser.add_argument(
        "--profile", choices=list(report.PAGES), default="whole", help="pi: a third of one core, as root"
    )
    parser.add_argument("--only", action="append", choices=list(_MEASURES))
    parser.add_argument("--side", action="append", choices=get_args(Side))
    parser.add_argument(
        "--before", type=Path, help="a checkout of an earlier version, to measure beside this one"
    )
    parser.add_argument("--json", action="store_true", help="print all figures of a partial run")
    parser.add_argument(
        "--go-on",
        action="store_true",
        help="measure what the last whole run failed at, and write it all down",
    )
    options = parser.parse_args()
    if options.go_on and (options.quick or options.only or options.side):
        parser.error("--go-on is of a whole run")
    if options.before is not None and not (options.before / "gateway").is_dir():
        parser.error(
            f"--before: {options.before} is no checkout; give the folder of one, set up with make run"
        )
    if options.side and "before" in options.side and options.before is None:
        parser.error("--side before wants --before, the folder of an earlier version")
    return options


def left(kept: Path, names: list[str], sides: list[Side]) -> tuple[dict[str, Any], list[str]]:
    """What a run has measured, and the names of what it has not, or not of all sides."""
    try:
        results: dict[str, Any] = json.loads(kept.read_text())
    except (OSError, ValueError) as error:
        sys.exit(f"error: there is no run to go on with: {error}")
    failed = {name for side in results.pop("failed", {}).values() for name in side}
    took = results.get("took_s", {})

    def is_done(name: str) -> bool:
        wanted = [side for side in _MEASURES[name][1] if side in sides]
        return name not in failed and all(name in took.get(side, {}) for side in wanted)

    return results, [name for name in names if not is_done(name)]


@dataclass(frozen=True, slots=True)
class Machine:
    """How long to measure, an earlier version to measure as well, and what holds the servers back."""

    scale: Scale
    before: Path | None
    slow: tuple[str, ...]


def _run(results: dict[str, Any], names: list[str], sides: list[Side], machine: Machine) -> None:
    """Figures by name and side, as they come; the sides of a measurement run one right after the other."""
    with network() as net, tempfile.TemporaryDirectory() as folder:
        speech = Path(folder) / "reading.wav"
        read = _first(reading(), machine.scale.sentences)
        write_wav(speech, read.pcm)
        before = machine.before and machine.before.resolve()
        bench = Bench(net, machine.scale, speech, read, before, machine.slow)
        results["machine"] = {"cores": os.cpu_count(), "network": net.name, "load_before": os.getloadavg()[0]}
        for name in names:
            measure, measured = _MEASURES[name]
            for side in [side for side in measured if side in sides]:
                _say(f"{name}: {side} …")
                began = time.monotonic()
                try:
                    found = measure(bench, side)
                except Exception as error:  # noqa: BLE001 -- what else was measured in an hour is not lost by it
                    found = {"failed": {name: repr(error)}}
                took = round(time.monotonic() - began)
                _say(f"{name}: {side}, {took} s{'. It failed' if 'failed' in found else ''}")
                for key, value in (found | {"took_s": {name: took}}).items():
                    _keep(results, key, side, value)


def _keep(results: dict[str, Any], key: str, side: Side, value: Any) -> None:
    if key in {"span", "took_s", "failed"}:
        results.setdefault(key, {}).setdefault(side, {}).update(value)
    else:
        results.setdefault(key, {})[side] = value


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def _first(whole: Reading, sentences: int) -> Reading:
    end = whole.spans[sentences - 1][1] * 2
    pcm = whole.pcm[: end + 16_000]
    cut = replace(whole, texts=whole.texts[:sentences], spans=whole.spans[:sentences])
    return replace(cut, pcm=pcm + bytes(-len(pcm) % 640))


if __name__ == "__main__":
    main()
