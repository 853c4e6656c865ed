"""`python -m bench.room`: how a device in a room fares, measured, in bench/room.json and docs/speech.md."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from loguru import logger

from bench.room import calls, over_bot, report, waking
from bench.room.listening import ENGINES, Listening
from bench.room.rooms import at_level, kitchen, places
from bench.room.understood import Score, by_text, unasked, understood
from bench.room.voices import Speak, own, voices

_RESULTS: Final = Path(__file__).parents[1] / "room.json"
Voices = Sequence[tuple[str, Speak]]


def main() -> None:
    """Run what is asked for; only a whole run of what ships is written down."""
    logger.remove()
    options = _options()
    found = [(name, speak) for name, speak in voices().items() if not options.voice or name in options.voice]
    if not found:
        raise SystemExit("no voices: sudo apt-get install -y libflite1 espeak-ng festival")
    measures = _measures(options, found)
    wanted = options.only or list(measures)
    results: dict[str, Any] = {
        "machine": _machine(),
        "voices": [name for name, _ in found],
        "engine": options.engine,
        "quick": options.quick,
    }
    for name in wanted:
        began = time.monotonic()
        results |= measures[name]()
        _say(f"{name}: {time.monotonic() - began:.0f} s")
    print(json.dumps(results, indent=1))  # noqa: T201
    if options.write or not (options.quick or options.only or options.voice):
        results = (json.loads(_RESULTS.read_text()) if options.write and _RESULTS.exists() else {}) | results
        _RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        report.write(results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench.room", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="each seventh phrase, in five minutes; not written down"
    )
    parser.add_argument("--write", action="store_true", help="write down what was run, beside what is there")
    parser.add_argument("--only", action="append", choices=list(_measures(argparse.Namespace(), [])))
    parser.add_argument("--engine", choices=list(ENGINES), default="sphinx", help="the recogniser")
    parser.add_argument("--voice", action="append")
    parser.add_argument("--missed", action="store_true", help="say what was not understood")
    return parser.parse_args()


def _measures(options: argparse.Namespace, found: Voices) -> dict[str, Callable[[], dict[str, Any]]]:
    return {
        "text": lambda: {"text": _share(options, "text", by_text(_listening(options)))},
        "understood": lambda: _understood(options, found),
        "wake": lambda: _wake(options, found),
        "over_bot": lambda: _over_bot(options, found),
        "calls": lambda: _calls(options, found),
    }


def _listening(options: argparse.Namespace) -> Listening:
    return Listening(ENGINES[options.engine]())


def _understood(options: argparse.Namespace, found: Voices) -> dict[str, Any]:
    listening = _listening(options)
    every = 7 if options.quick else 1
    shares: dict[str, float | None] = {}
    wrong = Score()
    for name, place in places([own()("we will have dinner soon, and then we go out")]).items():
        right, other = understood(listening, found, place, every)
        shares[name] = _share(options, name, right)
        wrong.add(other)
        wrong.add(unasked(listening, found, place, every))
    costs = listening.costs
    return {
        "understood": shares,
        "acted_wrongly": round(1 - (_share(options, "wrongly", wrong) or 0), 4),
        "of": wrong.of,
        "hearing_cpu_s": round(costs.hearing / max(costs.utterances, 1), 3),
    }


def _wake(options: argparse.Namespace, found: Voices) -> dict[str, Any]:
    hit, by = waking.hits(found, places([]))
    per_hour, counts, hours = waking.false_per_hour(found, 600 if options.quick else 3_600)
    false = {"counts": counts, "hours": round(hours, 2)}
    return {"wake": {"hit": round(hit, 4), "false_per_hour": round(per_hour, 2), "by": by, "false": false}}


def _over_bot(options: argparse.Namespace, found: Voices) -> dict[str, Any]:
    listening = _listening(options)
    every = 9 if options.quick else 2
    out: dict[str, Any] = {}
    turns: dict[str, int] = {}
    reference = over_bot.over_bot(listening, found, own(), over_bot.none, -90.0, every).share or 1.0
    for name, how in (("ours", over_bot.ours), ("half", over_bot.half), ("none", over_bot.none)):
        share = _share(
            options, f"over_bot {name}", over_bot.over_bot(listening, found, own(), how, every=every)
        )
        out[name] = None if share is None else round(share / reference, 4)
        turns[name] = over_bot.alone(listening, own(), how)
    return {"over_bot": {**out, "without": reference, "own_turns": turns}}


def _calls(options: argparse.Namespace, found: Voices) -> dict[str, Any]:
    times = calls.first_audio(found, 6 if options.quick else 24, {})
    times.sort()
    noise = at_level(kitchen(60, 4, []), -50)
    seconds = 10.0 if options.quick else 40.0
    return {
        "first_audio_ms": {
            "p50": statistics.median(times) if times else None,
            "p95": times[round(0.95 * (len(times) - 1))] if times else None,
            "of": len(times),
        },
        "asleep_cpu_s": round(calls.asleep(None, seconds), 4),
        "asleep_in_noise_cpu_s": round(calls.asleep(noise, seconds), 4),
    }


def _share(options: argparse.Namespace, name: str, score: Score) -> float | None:
    _say(f"{name}: {score.right} of {score.of}")
    if options.missed:
        for line in score.missed:
            _say(f"  {line}")
    return score.share


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "at": datetime.now(UTC).date().isoformat(),
    }


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
