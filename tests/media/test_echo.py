"""A device's own voice in what it hears: found by when it was played, and taken out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.media import speex
from gateway.media.echo import SILENCE, Echo
from tests.media.sound import frames, spoken

LONG = (
    "The ship left the harbour before the sun had risen, and nobody on the pier waved, because the night had been "
    "long and cold, and there was still so much to be carried home before the rain came down from the hills."
)
LAG = 5
"""Frames from when something is sent until it is played."""
START = 2**32 - 960 * 40
"""Of the RTP timestamps, which begin anew meanwhile."""

Samples = NDArray[np.float64]
needs_speex = pytest.mark.skipif(not speex.available(), reason=speex.INSTALL)


def numbers(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def in_a_room(played: bytes, level: float = 0.5) -> Samples:
    """What a microphone hears of a speaker in the same room, 4 ms away."""
    rng = np.random.default_rng(3)
    response = np.concatenate(
        [np.zeros(64), [1.0], 0.3 * rng.normal(size=1_600) * np.exp(-np.arange(1_600) / 300)]
    )
    return level * np.convolve(numbers(played), response)[: len(played) // 2]


def through(echo: Echo, sent: bytes, heard: Samples) -> bytes:
    """One call: what is sent is played `LAG` frames later, and `heard` is what the microphone hears from the start."""
    out = b""
    microphone = frames(heard.clip(-32_768, 32_767).astype("<i2").tobytes())
    for n, frame in enumerate(frames(sent)[: len(microphone)]):
        echo.sent(frame, (START + 960 * n) % 2**32)
        out += echo.hear(microphone[n], (START + 960 * (n - LAG)) % 2**32)
    return out


def late(pcm: bytes) -> bytes:
    """As it is played."""
    return (bytes(640 * LAG) + pcm)[: len(pcm)]


def likeness(a: Samples, b: Samples) -> float:
    """The correlation of two sounds, one perhaps up to 40 ms later."""
    size = 2 * a.size
    across = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)[:640]
    return float(across.max() / np.sqrt(np.sum(a**2) * np.sum(b**2)))


def db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples**2) + 1e-9))


@pytest.fixture
def bot() -> bytes:
    return spoken(LONG, before=0.2)


@needs_speex
def test_its_own_voice_goes(bot: bytes) -> None:
    told: list[bool] = []
    echo = Echo(speex.Speex(), told.append)
    heard = in_a_room(late(bot))
    left = numbers(through(echo, bot, heard))
    second = slice(heard.size // 2, heard.size)
    assert db(heard[second]) - db(left[second]) > 20
    assert told == [True]


@needs_speex
def test_who_speaks_over_it_is_heard(bot: bytes) -> None:
    echo = Echo(speex.Speex())
    through(echo, bot, in_a_room(late(bot)))
    person = numbers(spoken("What is twelve times seven?", "cmu_us_slt", before=2.0, after=4.0))
    count = min(person.size, len(bot) // 2)
    heard = in_a_room(late(bot))[:count] + person[:count]
    left = numbers(through(echo, bot, heard))
    spoke = slice(34_000, 54_000)
    assert likeness(left[spoke], person[spoke]) > 0.8
    assert abs(db(left[spoke]) - db(person[spoke])) < 4


@needs_speex
def test_a_jump_of_what_the_device_holds_does_not_bring_it_back(bot: bytes) -> None:
    """It says when it played what; the same without that is what a fixed delay would make of it."""
    echo = Echo(speex.Speex())
    through(echo, bot, in_a_room(late(bot)))
    microphone = frames(in_a_room(late(late(bot))).astype("<i2").tobytes())
    left = b""
    for n, frame in enumerate(frames(bot)[: len(microphone)]):
        echo.sent(frame, 960 * n)
        left += echo.hear(microphone[n], (960 * (n - 2 * LAG)) % 2**32)
    assert db(numbers(b"".join(microphone))) - db(numbers(left)) > 20


class Nothing:
    """A canceller that takes nothing away."""

    def cancel(self, heard: bytes, played: bytes) -> bytes:
        assert len(played) == len(heard)
        return heard

    def close(self) -> None: ...


def test_where_the_echo_stays_the_device_is_not_heard_while_it_speaks(bot: bytes) -> None:
    echo = Echo(Nothing())
    left = through(echo, bot, in_a_room(late(bot)))
    after = frames(left)[30:]
    assert set(after) == {SILENCE}
    assert not echo.holds


def test_where_the_echo_is_lost_in_the_noise_the_device_is_heard(bot: bytes) -> None:
    """Headphones, beside a fan."""
    noise = np.random.default_rng(5).normal(0, 300, len(bot) // 2)
    quiet = frames(noise.astype("<i2").tobytes())[:250]
    echo = Echo(Nothing())
    for n, frame in enumerate(quiet):
        assert echo.hear(frame, (START + 960 * (n - 400)) % 2**32) == frame
    through(echo, bot, noise)
    assert echo.holds


def test_what_is_heard_while_nothing_is_played_is_left_alone() -> None:
    echo = Echo(Nothing())
    pcm = frames(spoken("Hello."))
    assert [echo.hear(frame, 960 * n) for n, frame in enumerate(pcm)] == pcm


def test_a_device_that_does_not_say_what_it_plays_is_left_alone(bot: bytes) -> None:
    echo = Echo(Nothing())
    for n, frame in enumerate(frames(bot)[:50]):
        echo.sent(frame, 960 * n)
        assert echo.hear(frame, None) == frame


@pytest.mark.parametrize("offset", [0, 100, 319])
def test_what_was_played_is_found_to_the_sample(offset: int) -> None:
    seen: list[bytes] = []

    class Notes(Nothing):
        def cancel(self, heard: bytes, played: bytes) -> bytes:
            seen.append(played)
            return heard

    echo = Echo(Notes())
    sent = np.arange(1, 3 * 320 + 1, dtype="<i2").tobytes()
    for n, frame in enumerate(frames(sent)):
        echo.sent(frame, 960 * n)
    echo.hear(SILENCE, 3 * offset - 5 * 48)  # it is shown what comes 5 ms later
    assert seen == [sent[2 * offset : 2 * offset + 640]]


def test_without_a_canceller_it_does_nothing() -> None:
    echo = Echo(None)
    echo.sent(SILENCE, 0)
    frame = b"\x01\x02" * 320
    assert (echo.hear(frame, 0), echo.works) == (frame, False)
