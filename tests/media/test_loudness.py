from __future__ import annotations

import numpy as np
import pytest

from gateway.media.loudness import SILENT_DB, Loudness


def noise(dbfs: float, frames: int) -> list[bytes]:
    samples = np.random.default_rng(1).normal(0, 32768 * 10 ** (dbfs / 20), 320 * frames)
    pcm = samples.clip(-32768, 32767).astype("<i2").tobytes()
    return [pcm[at : at + 640] for at in range(0, len(pcm), 640)]


def heard(*frames: bytes) -> Loudness:
    loudness = Loudness()
    for frame in frames:
        loudness.hear(frame)
    return loudness


def test_a_level_is_in_db_of_full_scale() -> None:
    assert heard(*noise(-30.0, 50)).now == pytest.approx(-30.0, abs=1.0)


def test_digital_silence_has_a_level_too() -> None:
    assert heard(bytes(640)).now == SILENT_DB


def test_speech_stands_above_the_noise_before_it() -> None:
    loudness = heard(*noise(-50.0, 100), *noise(-20.0, 10))
    assert loudness.above == pytest.approx(30.0, abs=2.5)


def test_noise_that_has_come_to_stay_is_noise() -> None:
    assert heard(*noise(-50.0, 50), *noise(-35.0, 500)).above < 3.0


def test_the_last_second_counts_by_its_loudest() -> None:
    loudness = heard(*noise(-50.0, 100), *noise(-20.0, 5), *noise(-50.0, 20))
    assert loudness.above < 3.0
    assert loudness.recent == pytest.approx(30.0, abs=3.0)
