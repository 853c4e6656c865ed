"""What losses take of what is said: word errors beside those of a call without any."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.recogniser import transcribe_span
from bench.running import Bench, rounded
from bench.servers import Side
from bench.signals import RATE, word_errors

LOSS_RATES: Final = (5, 10, 20)
_BURSTS: Final = {"random": 1.0, "burst": 3.0}
_TRACES: Final = 3  # of losses, each way
_TOGETHER: Final = 7  # calls at once in the loss measurement: what the baseline carries with ease
_MARGIN: Final = int(0.15 * RATE)  # heard before and after each sentence
_DRAWS: Final = 2_000


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
    heard = _heard(bench, conditions)
    rises = {str(rate): heard.rise(f"{rate}-") for rate in LOSS_RATES}
    return {
        "loss_wer": {rate: rise[0] for rate, rise in rises.items()},
        "wer": heard.shares(),
        "span": {f"loss_wer.{rate}": rise[1] for rate, rise in rises.items()},
    }


def burst(bench: Bench, side: Side) -> dict[str, Any]:
    """The same at 20 % in bursts, without redundancy (RED) and with it, and the bytes of a payload.

    Over three traces of losses each way.
    """
    conditions = _bursts(bench, side)
    payload: dict[str, float] = {}
    for start in range(0, len(conditions), _TOGETHER):
        group = dict(list(conditions.items())[start : start + _TOGETHER])
        with bench.serving(side) as server:
            plan = {"kind": "loss", "conditions": [*group.values()], "speech": str(bench.speech)}
            for event in bench.events(server, plan):
                payload[event["out"]] = event["bytes"]
    heard = _heard(bench, conditions)
    figures: dict[str, dict[str, Any]] = {"burst_wer": {}, "burst_payload_bytes": {}, "span": {}}
    for how in ("without", "with"):
        figures["burst_wer"][how], figures["span"][f"burst_wer.{how}"] = heard.rise(f"{how}-")
        outs = [condition["out"] for name, condition in conditions.items() if name.startswith(f"{how}-")]
        figures["burst_payload_bytes"][how] = rounded(np.mean([payload[out] for out in outs]))
    return {**figures, "burst_each": heard.shares()}


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


@dataclass(frozen=True, slots=True)
class Heard:
    """Words that were wrong, by condition and sentence; how many each sentence has. One condition is `clean`."""

    wrong: dict[str, list[int]]
    words: list[int]

    def shares(self) -> dict[str, float]:
        """The word error of each condition."""
        return {name: rounded(sum(wrong) / sum(self.words), 4) for name, wrong in self.wrong.items()}

    def rise(self, prefix: str) -> tuple[float, list[float]]:
        """How much more was wrong than in `clean`, mean of the conditions with that prefix; its 95 % interval.

        That is had by drawing the sentences anew (bootstrap).
        """
        rises = [
            np.array(wrong) - self.wrong["clean"]
            for name, wrong in self.wrong.items()
            if name.startswith(prefix)
        ]
        more, words = np.mean(rises, axis=0), np.array(self.words)
        drawn = np.random.default_rng(7).integers(0, words.size, (_DRAWS, words.size))
        low, high = np.percentile(more[drawn].sum(axis=1) / words[drawn].sum(axis=1), (2.5, 97.5))
        return rounded(more.sum() / words.sum(), 4), [rounded(low, 4), rounded(high, 4)]


def _heard(bench: Bench, conditions: dict[str, dict[str, Any]]) -> Heard:
    spans = [(max(0, start - _MARGIN), end + _MARGIN) for start, end in bench.reading.spans]
    texts = bench.reading.texts
    wrong: dict[str, list[int]] = {}
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for name, condition in conditions.items():
            heard = pool.map(partial(transcribe_span, Path(condition["out"])), spans)
            wrong[name] = list(map(word_errors, texts, heard))
    return Heard(wrong, [len(text.split()) for text in texts])
