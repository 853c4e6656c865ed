"""`python -m bench`: measure our gateway beside Pipecat's own runner, and write down what came out."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

from bench import measures, report
from bench.measures import FULL, QUICK, Bench, Scale
from bench.network import network
from bench.servers import Side
from bench.signals import Reading, reading, write_wav

_RESULTS: Final = Path(__file__).parent / "results.json"
_MEASURES: Final[dict[str, tuple[Callable[[Bench, Side], dict[str, Any]], Sequence[Side]]]] = {
    "echo": (measures.echo, ("baseline", "ours", "before")),
    "busy": (measures.busy, ("baseline", "ours", "before")),
    "hog": (measures.hog, ("baseline", "ours")),
    "cost": (measures.cost, ("baseline", "ours", "packed", "before")),
    "idle": (measures.idle, ("baseline", "ours", "packed", "before")),
    "capacity": (measures.capacity, ("baseline", "ours", "packed")),
    "loss": (measures.loss, ("baseline", "ours")),
    "burst": (measures.burst, ("ours",)),
}


def main() -> None:
    """Run what is asked for; a partial or quick run is printed, a whole one is written down."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and namespaces go away
    scale = QUICK if options.quick else FULL
    sides = options.side or [side for side in get_args(Side) if side != "before" or options.before]
    results: dict[str, Any] = {}
    try:
        _run(results, options.only or list(_MEASURES), sides, scale, options.before)
    finally:
        print(report.table(results))  # noqa: T201
    if not (options.quick or options.only or options.side):
        _RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        report.write(results)
    elif options.json:
        json.dump(results, sys.stdout, indent=1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short look; nothing is written down")
    parser.add_argument("--only", action="append", choices=list(_MEASURES))
    parser.add_argument("--side", action="append", choices=get_args(Side))
    parser.add_argument(
        "--before", type=Path, help="a checkout of an earlier version, to measure beside this one"
    )
    parser.add_argument("--json", action="store_true", help="print all figures of a partial run")
    return parser.parse_args()


def _run(
    results: dict[str, Any], names: list[str], sides: list[Side], scale: Scale, before: Path | None
) -> None:
    """Figures by name and side, as they come; the sides of a measurement run one right after the other."""
    with network() as net, tempfile.TemporaryDirectory() as folder:
        speech = Path(folder) / "reading.wav"
        read = _first(reading(), scale.sentences)
        write_wav(speech, read.pcm)
        bench = Bench(net, scale, speech, read, before and before.resolve())
        results["machine"] = {"cores": os.cpu_count(), "network": net.name, "load_before": os.getloadavg()[0]}
        for name in names:
            measure, measured = _MEASURES[name]
            for side in [side for side in measured if side in sides]:
                print(f"{name}: {side} …", file=sys.stderr, flush=True)  # noqa: T201
                for key, value in measure(bench, side).items():
                    results.setdefault(key, {})[side] = value


def _first(whole: Reading, sentences: int) -> Reading:
    end = whole.spans[sentences - 1][1] * 2
    pcm = whole.pcm[: end + 16_000]
    cut = replace(whole, texts=whole.texts[:sentences], spans=whole.spans[:sentences])
    return replace(cut, pcm=pcm + bytes(-len(pcm) % 640))


if __name__ == "__main__":
    main()
