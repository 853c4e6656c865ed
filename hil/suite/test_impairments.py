"""Bad networks."""

from __future__ import annotations

import time

import pytest

from hil.board import Board
from hil.evidence import Evidence
from hil.network import Link
from hil.path import traffic
from hil.path.link import CLEAR, Impairments
from hil.record import sound
from hil.record.results import Measuring
from hil.station import QUESTION

pytestmark = pytest.mark.audio_out
_SETTLE_SECONDS = 1.5
_HEARD_SECONDS = 2.0  # three times
_HZ = 500

PATHS = {
    "loss_5": Impairments(loss=0.05),
    "loss_10": Impairments(loss=0.10),
    "loss_20": Impairments(loss=0.20),
    "bursts_5": Impairments(loss=0.05, burst=3),
    "bursts_10": Impairments(loss=0.10, burst=3),
    "bursts_20": Impairments(loss=0.20, burst=3),
    "delay_150": Impairments(delay_ms=150),
    "jitter_10": Impairments(jitter_ms=10),
    "jitter_30": Impairments(jitter_ms=30),
    "reorder_5": Impairments(reorder=0.05),
    "duplicate_20": Impairments(duplicate=0.20),
    "corrupt_5": Impairments(corrupt=0.05),
    "rate_64": Impairments(rate_kbit=64),
    "mtu_600": Impairments(mtu=600),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.quick if name == "loss_10" else ()) for name in PATHS]
)
def test_a_tone_survives(live: Board, link: Link, measure: Measuring, name: str) -> None:
    path = PATHS[name]
    link.impair(path, path, seed=7)
    began = link.now()
    live.ask(f"inject tone {_HZ}")
    time.sleep(_SETTLE_SECONDS)
    before = live.ask("figures")
    heard, after = live.hear(_HEARD_SECONDS), live.ask("figures")
    down = link.trace.media("down", began)
    at, lost = traffic.loss_per_second(down)
    measure.series("loss_down", "%", at, 100 * lost)
    out = traffic.delivered(down)
    measure.series("jitter_down", "ms", [p.at - began for p in out[1:]], traffic.jitter(out))
    assert live.ask("state")["state"] == "live", "the call did not survive"
    mended = after["concealed"] + after["fec"] - before["concealed"] - before["fec"]
    measure(f"{name}_sound_percent", heard["sound_percent"], f"{mended} packets were concealed; {heard}")
    measure(f"{name}_gap_ms", heard["longest_gap_ms"], f"{heard['gaps']} gaps in {heard['ms']} ms")


@pytest.mark.clip
@pytest.mark.parametrize("loss", [0, 10, 20])
def test_words_survive_on_the_way_up(
    live: Board, link: Link, evidence: Evidence, measure: Measuring, loss: int
) -> None:
    link.impair(Impairments(loss=loss / 100), CLEAR, seed=11)
    heard = _say(live, evidence)
    said = sound.read(QUESTION)
    best = sound.align(said, heard, longest=heard.size / sound.RATE)
    start = int(best.lag * sound.RATE)
    words = sound.words(heard[max(start - 3200, 0) : start + said.size + 3200])
    measure(f"likeness_up_{loss}", best.likeness, "what the gateway heard is not what was said")
    reference = sound.words(said)
    measure(f"wer_up_{loss}", 100 * sound.word_errors(reference, words), f"said {reference}, heard {words}")


def _say(board: Board, evidence: Evidence) -> sound.Signal:
    """Have the board speak in a call of its own; gives what the gateway heard of it."""
    time.sleep(1.0)
    board.ask("inject clip")
    time.sleep(sound.read(QUESTION).size / sound.RATE + 1.5)
    assert evidence.link is not None
    evidence.link.clear()
    board.reconnect()
    board.until(lambda: bool(evidence.heard_so_far()), "the gateway's recording")
    return sound.read(evidence.heard_so_far()[-1])


def test_a_short_blackout_does_not_end_the_call(live: Board, link: Link) -> None:
    since = live.console.mark()
    dark = Impairments(blackouts=((0.0, 1.0),))
    link.impair(dark, dark)
    time.sleep(5.0)
    left = [e for e in live.console.events[since:] if e.get("event") == "state"]
    assert not left, f"a second without network ended the call: {left}"


def test_a_long_blackout_is_noticed_and_survived(live: Board, link: Link, measure: Measuring) -> None:
    since = live.console.mark()
    dark = Impairments(blackouts=((0.0, 8.0),))
    began = time.monotonic()
    link.impair(dark, dark)
    live.failed("gateway_silent", 15, since=since)
    measure("silence_noticed_s", time.monotonic() - began)
    live.live(30, since=since)
