"""A device's own voice in what it hears: found by when it was played, and taken out."""

from __future__ import annotations

import random
from collections.abc import Container, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.media import speex
from gateway.media.echo import Echo
from gateway.media.residual import LEARN
from gateway.rtc.codec import OpusDecoder, OpusEncoder, OpusSettings
from gateway.rtc.playout import Heard
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


def encoded(pcm: bytes, settings: OpusSettings | None = None) -> list[bytes]:
    encoder = OpusEncoder(settings)
    return [encoder.encode(frame) for frame in frames(pcm)]


def decoded(packets: Sequence[bytes]) -> bytes:
    decoder = OpusDecoder()
    return b"".join(map(decoder.decode, packets))


def in_a_room(played: bytes, level: float = 0.5) -> Samples:
    """What a microphone hears of a speaker in the same room, 4 ms away."""
    rng = np.random.default_rng(3)
    response = np.concatenate(
        [np.zeros(64), [1.0], 0.3 * rng.normal(size=1_600) * np.exp(-np.arange(1_600) / 300)]
    )
    return level * np.convolve(numbers(played), response)[: len(played) // 2]


LATE = 1_600
"""Samples by which who speaks over it is."""
FINE = OpusSettings(bitrate=96_000, complexity=0, fec=False)
"""What a device sends of the microphone while its speaker plays."""
BOT = encoded(spoken(LONG, before=0.2))


def through(
    echo: Echo,
    heard: Samples,
    lag: int = LAG,
    start: int = START,
    *,
    bot: Sequence[bytes] = BOT,
    lost: Container[int] = (),
) -> Samples:
    """One call: `bot` is played `lag` frames after it was sent, and `heard` is what the microphone hears."""
    out = b""
    pcm = heard.clip(-32_768, 32_767).astype("<i2").tobytes()
    decoder = OpusDecoder()
    microphone = encoded(pcm[: len(pcm) // 640 * 640], FINE)
    for n, (packet, frame) in enumerate(zip(bot, microphone, strict=False)):
        echo.sent(packet, (start + 960 * n) % 2**32)
        sound = decoder.conceal(320) if n in lost else decoder.decode(frame)
        out += echo.hear(Heard(sound, (start + 960 * (n - lag)) % 2**32, made_up=n in lost))
    return numbers(out)


def lost_at(share: float, run: int) -> set[int]:
    """Packets that do not come, in runs of so many."""
    rng = random.Random(7)  # noqa: S311 -- repeatable on purpose
    return {n + k for n in range(0, len(BOT), run) if rng.random() < share for k in range(run)}


def played(lag: int = LAG, bot: Sequence[bytes] = BOT) -> bytes:
    """What the device plays of it."""
    return (bytes(640 * lag) + decoded(bot))[: 640 * len(bot)]


def likeness(a: Samples, b: Samples) -> float:
    """The correlation of two sounds, one perhaps up to 160 ms later."""
    size = 2 * a.size
    across = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)[:2_560]
    return float(across.max() / np.sqrt(np.sum(a**2) * np.sum(b**2)))


def db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples**2) + 1e-9))


@needs_speex
def test_its_own_voice_goes_in_both_codecs_noise() -> None:
    heard = in_a_room(played())
    left = through(Echo(speex.Speex()), heard)
    assert db(heard[8_000:]) > 55
    assert db(left) < 10


@needs_speex
@pytest.mark.parametrize("share", [0.0, 0.02])
def test_who_speaks_over_it_is_heard(share: float) -> None:
    echo = Echo(speex.Speex())
    through(echo, in_a_room(played()))
    person = numbers(spoken("What is twelve times seven?", "cmu_us_slt", before=2.0, after=4.0))
    count = min(person.size, 320 * len(BOT))
    heard = in_a_room(played())[:count] + person[:count]
    left = through(echo, heard, lost=lost_at(share, 1))
    spoke = slice(34_000, 54_000)
    assert likeness(left[LATE:][spoke], person[spoke]) > 0.7
    assert abs(db(left[LATE:][spoke]) - db(person[spoke])) < 4


@needs_speex
def test_a_jump_of_what_the_device_holds_does_not_bring_it_back() -> None:
    """It says when it played what; the same without that is what a fixed delay would make of it."""
    echo = Echo(speex.Speex())
    through(echo, in_a_room(played()))
    assert db(through(echo, in_a_room(played(2 * LAG)), 2 * LAG, 0)) < 10


@needs_speex
def test_who_speaks_on_when_it_has_finished_is_heard_to_the_end() -> None:
    echo = Echo(speex.Speex())
    through(echo, in_a_room(played()))
    person = numbers(spoken(LONG, "cmu_us_slt"))
    out = b""
    for n, frame in enumerate(frames(person.astype("<i2").tobytes())):
        at = START + 960 * (len(BOT) - 50 + n)  # the last second of it, and then nothing
        out += echo.hear(Heard(frame, at % 2**32))
    left = numbers(out)
    assert abs(db(left[3 * 16_000 :]) - db(person[3 * 16_000 :])) < 1
    assert likeness(left[6 * 16_000 :], person[6 * 16_000 :]) > 0.99


@needs_speex
@pytest.mark.parametrize(("share", "run"), [(0.05, 1), (0.1, 1), (0.05, 2), (0.1, 3)])
def test_what_is_lost_on_the_way_does_not_bring_it_back(share: float, run: int) -> None:
    echo = Echo(speex.Speex())
    heard = in_a_room(played())
    through(echo, heard)
    lost = lost_at(share, run)
    assert len(lost) > 15
    assert db(through(echo, heard, lost=lost)) < 10


@needs_speex
def test_a_microphone_that_was_off_does_not_bring_it_back() -> None:
    echo = Echo(speex.Speex())
    heard = in_a_room(played())
    through(echo, heard)
    heard[4 * 16_000 : 7 * 16_000] = 0
    assert db(through(echo, heard)) < 10


@needs_speex
def test_a_louder_device_does_not_bring_it_back() -> None:
    echo = Echo(speex.Speex())
    heard = in_a_room(played(), 0.1)
    through(echo, heard)
    echo.forget()
    assert db(through(echo, 5 * heard)) < 10


@needs_speex
def test_who_speaks_after_a_pause_of_the_bot_is_heard() -> None:
    """A pause that is sent as sound."""
    sentence = spoken("The ship left the harbour before the sun had risen.")
    bot = encoded(3 * sentence + bytes(640 * 50) + 2 * sentence)
    echo = Echo(speex.Speex())
    pause = 3 * len(sentence) // 2 + 320 * (LAG + 50)
    person = np.zeros(320 * len(bot))
    said = numbers(spoken("What is twelve times seven?", "cmu_us_slt"))
    begins = pause + 4_800
    person[begins : begins + said.size] = said
    left = through(echo, in_a_room(played(bot=bot)) + person, bot=bot)
    spoke = slice(begins, begins + said.size)
    assert likeness(left[LATE:][spoke], person[spoke]) > 0.7


@needs_speex
def test_beside_a_fan_it_rests_once_the_device_is_silent() -> None:
    echo = Echo(speex.Speex())
    noise = np.random.default_rng(5).normal(0, 180, 320 * len(BOT))  # -45 dBFS
    through(echo, in_a_room(played()) + noise)
    after = [Heard(frame) for frame in frames(noise.astype("<i2").tobytes())]
    heard = [echo.hear(frame) for frame in after]
    assert heard[150:] == [frame.pcm for frame in after[150:]]


class Nothing:
    """A canceller that takes nothing away."""

    def cancel(self, heard: bytes, played: bytes) -> bytes:
        assert len(played) == len(heard)
        return heard

    def close(self) -> None: ...


def test_where_the_echo_stays_the_device_is_not_heard_while_it_speaks() -> None:
    assert db(through(Echo(Nothing()), in_a_room(played()))) < 10


def test_nothing_is_let_through_before_the_echo_is_known() -> None:
    rng = np.random.default_rng(5)
    loud = rng.normal(0, 3_000, 320 * (LAG + 10 + LEARN))
    assert not np.any(through(Echo(Nothing()), loud)[320 * LAG :])


def test_where_it_is_not_heard_by_itself_whoever_speaks_is() -> None:
    """Headphones, beside a fan."""
    noise = np.random.default_rng(5).normal(0, 30, 320 * len(BOT))
    person = numbers(spoken("What is twelve times seven?", "cmu_us_slt", before=2.0, after=4.0))
    count = min(person.size, noise.size)
    left = through(Echo(Nothing()), noise[:count] + person[:count])
    assert likeness(left[LATE:][34_000:54_000], person[34_000:54_000]) > 0.8
    assert not np.any(left[16_000:30_000])


def test_what_is_heard_while_nothing_is_played_is_left_alone() -> None:
    echo = Echo(Nothing())
    pcm = frames(spoken("Hello."))
    assert [echo.hear(Heard(frame, 960 * n)) for n, frame in enumerate(pcm)] == pcm


def test_a_device_that_does_not_say_what_it_plays_is_left_alone() -> None:
    echo = Echo(Nothing())
    for n, packet in enumerate(BOT[:50]):
        echo.sent(packet, 960 * n)
        frame = n.to_bytes(2, "little") * 320
        assert echo.hear(Heard(frame)) == frame


@pytest.mark.parametrize("offset", [0, 100, 319])
def test_what_was_played_is_found_to_the_sample(offset: int) -> None:
    seen: list[bytes] = []

    class Notes(Nothing):
        def cancel(self, heard: bytes, played: bytes) -> bytes:
            seen.append(played)
            return heard

    echo = Echo(Notes())
    for n, packet in enumerate(BOT[20:23]):
        echo.sent(packet, 960 * n)
    echo.hear(Heard(b"\x01\x02" * 320, 3 * offset - 5 * 48))  # it is shown what comes 5 ms later
    assert seen == [decoded(BOT[20:23])[2 * offset : 2 * offset + 640]]


def test_silence_between_is_nothing_that_was_played() -> None:
    echo = Echo(Nothing())
    echo.sent(BOT[20], 0, silent=True)
    frame = b"\x01\x02" * 320
    assert echo.hear(Heard(frame, 0)) == frame


def test_without_a_canceller_it_does_nothing() -> None:
    echo = Echo(None)
    echo.sent(BOT[0], 0)
    frame = b"\x01\x02" * 320
    assert (echo.hear(Heard(frame, 0)), echo.works) == (frame, False)
