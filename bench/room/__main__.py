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
from bench.room.intervals import Interval, of_count, of_median, of_share
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
    here = voices()
    if not here:
        raise SystemExit("no voices: sudo apt-get install -y libflite1 espeak-ng festival festvox-us-slt-hts")
    if unknown := set(options.voice or ()) - here.keys():
        raise SystemExit(f"no voice {', '.join(sorted(unknown))} is here; there are: {', '.join(here)}")
    found = [(name, speak) for name, speak in here.items() if not options.voice or name in options.voice]
    measures = _measures(options, found)
    wanted = options.only or list(measures)
    results: dict[str, Any] = {
        "machine": _machine(),
        "voices": [name for name, _ in found],
        "engine": options.engine,
        "every": 7 if options.quick else options.every,
    }
    for name in wanted:
        began = time.monotonic()
        _merge(results, measures[name]())
        _say(f"{name}: {time.monotonic() - began:.0f} s")
    print(json.dumps(results, indent=1))  # noqa: T201
    if options.write or not (options.quick or options.only or options.voice):
        before = json.loads(_RESULTS.read_text()) if options.write and _RESULTS.exists() else {}
        results = _merge(before, results)
        _RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        report.write(results)


def _merge(into: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Figures beside those that are there; how sure each is, too."""
    sure = into.get("sure", {}) | found.get("sure", {})
    into.update(found)
    into["sure"] = sure
    return into


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench.room", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="each seventh phrase, in five minutes; not written down"
    )
    parser.add_argument("--write", action="store_true", help="write down what was run, beside what is there")
    parser.add_argument("--only", action="append", choices=list(_measures(argparse.Namespace(), [])))
    parser.add_argument("--engine", choices=list(ENGINES), default="both", help="the recogniser")
    parser.add_argument("--voice", action="append")
    parser.add_argument("--every", type=int, default=1, help="each phrase, or each second …")
    parser.add_argument("--missed", action="store_true", help="say what was not understood")
    options = parser.parse_args()
    if options.every < 1:
        parser.error("--every counts from 1")
    return options


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
    every = 7 if options.quick else options.every
    shares: dict[str, float | None] = {}
    sure: dict[str, Interval] = {}
    by: dict[str, float] = {}
    wrong = Score()
    for name, place in places([own()("we will have dinner soon, and then we go out")]).items():
        right, other = understood(listening, found, place, every)
        shares[name] = _share(options, name, right)
        sure[f"understood.{name}"] = of_share(right.right, right.of)
        by |= {f"{name}, {kind}": share for kind, share in right.shares().items()}
        wrong.add(other)
        wrong.add(unasked(listening, found, place, every))
    costs = listening.costs
    _share(options, "nothing done wrongly", wrong)
    return {
        "understood": shares,
        "understood_by_voice": by,
        "acted_wrongly": round(1 - (wrong.share or 0), 4),
        "of": wrong.of,
        "hearing_cpu_s": round(costs.hearing / max(costs.utterances, 1), 3),
        "sure": {**sure, "acted_wrongly": of_share(wrong.of - wrong.right, wrong.of)},
    }


def _wake(options: argparse.Namespace, found: Voices) -> dict[str, Any]:
    hit, by = waking.hits(found)
    counts, hours = waking.false(found, 600 if options.quick else 10_800)
    most = max(counts.values())
    low, high = of_count(most)
    return {
        "wake": {
            "hit": round(sum(hit) / len(hit), 4),
            "false_per_hour": round(most / hours, 2),
            "by": by,
            "false": {"counts": counts, "hours": round(hours, 2)},
        },
        "sure": {
            "wake.hit": of_share(sum(hit), len(hit)),
            "wake.false_per_hour": (round(low / hours, 2), round(high / hours, 2)),
        },
    }


def _over_bot(options: argparse.Namespace, found: Voices) -> dict[str, Any]:
    listening = _listening(options)
    every = 9 if options.quick else 3 * options.every
    out: dict[str, Any] = {}
    turns: dict[str, int] = {}
    sure: dict[str, Interval] = {}
    reference = over_bot.over_bot(listening, found, own(), over_bot.none, -90.0, every).share or 1.0
    for name, how in (("ours", over_bot.ours), ("half", over_bot.half), ("none", over_bot.none)):
        score = over_bot.over_bot(listening, found, own(), how, every=every)
        share = _share(options, f"over_bot {name}", score)
        out[name] = None if share is None else round(share / reference, 4)
        low, high = of_share(score.right, score.of)
        sure[f"over_bot.{name}"] = (round(low / reference, 4), round(high / reference, 4))
        turns[name] = over_bot.alone(listening, own(), how)
    return {"over_bot": {**out, "without": reference, "own_turns": turns}, "sure": sure}


def _calls(options: argparse.Namespace, found: Voices) -> dict[str, Any]:
    times = sorted(calls.first_audio(found, 6 if options.quick else 24, {}))
    noise = at_level(kitchen(60, 4, []), -50)
    seconds = 10.0 if options.quick else 60.0
    median = of_median(times)
    return {
        "first_audio_ms": {
            "p50": statistics.median(times) if times else None,
            "p95": times[round(0.95 * (len(times) - 1))] if times else None,
            "of": len(times),
        },
        "asleep_cpu_s": round(calls.asleep(None, seconds), 4),
        "asleep_in_noise_cpu_s": round(calls.asleep(noise, seconds), 4),
        "calls_at_load": round(os.getloadavg()[0], 1),
        "sure": {} if median is None else {"first_audio_ms.p50": median},
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
