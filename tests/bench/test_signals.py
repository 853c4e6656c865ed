from __future__ import annotations

import numpy as np
import pytest

from bench.signals import RATE, Heard, Signal, chirps, echo_delays, lag, losses, word_errors


def heard_after(delay: float, signal: Signal) -> Heard:
    """An ear that the signal reaches after `delay`, at the pace at which it was said from time 0."""
    return Heard(signal, np.arange(signal.size) / RATE + delay)


@pytest.mark.parametrize("delay", [0.0, 0.035, 0.16, 0.4])
def test_the_delay_of_each_chirp_is_found(delay: float) -> None:
    pcm, starts = chirps(5.0)
    heard = heard_after(delay, np.frombuffer(pcm, "<i2").astype(np.float64))
    assert echo_delays(heard, starts) == pytest.approx([delay] * len(starts), abs=0.001)


def test_a_chirp_that_never_came_back_has_no_delay() -> None:
    pcm, starts = chirps(3.0)
    silence = np.zeros(len(pcm) // 2)
    assert np.isnan(echo_delays(heard_after(0.1, silence), starts)).all()


def test_noise_is_no_chirp() -> None:
    pcm, starts = chirps(3.0)
    noise = np.random.default_rng(1).normal(0, 3000, len(pcm) // 2)
    assert np.isnan(echo_delays(heard_after(0.1, noise), starts)).all()


def test_the_lag_of_speech_is_found() -> None:
    chance = np.random.default_rng(2)
    said = chance.normal(0, 1, 5 * RATE) * np.repeat(chance.uniform(0, 5000, 100), RATE // 20)
    assert lag(said, np.concatenate([np.zeros(2400), said])) == pytest.approx(2400, abs=80)


@pytest.mark.parametrize(("rate", "burst"), [(0.05, 1.0), (0.1, 1.0), (0.2, 1.0), (0.1, 3.0), (0.2, 3.0)])
def test_a_trace_loses_what_it_should(rate: float, burst: float) -> None:
    lost = losses(5000, rate, burst, seed=1)
    runs = np.count_nonzero(np.diff(lost.astype(int)) == 1)
    assert lost.mean() == pytest.approx(rate, rel=0.1)
    assert lost.sum() / runs == pytest.approx(max(burst, 1 / (1 - rate)), rel=0.2)


def test_the_same_seed_loses_the_same_packets() -> None:
    assert (losses(500, 0.1, 3.0, seed=5) == losses(500, 0.1, 3.0, seed=5)).all()


def test_without_loss_nothing_is_lost() -> None:
    assert not losses(100, 0.0, 1.0, seed=1).any()


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("turn it up", "turn it up", 0),
        ("turn it up", "turn up", 1),
        ("turn it up", "turn it right up", 1),
        ("turn it up", "burn it up", 1),
        ("turn it up", "", 3),
        ("turn it up", "it up turn", 2),
    ],
)
def test_word_errors(said: str, heard: str, errors: int) -> None:
    assert word_errors(said, heard) == errors
