"""What is understood of somebody who speaks while the bot does, by a microphone that hears the bot's speaker."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import numpy as np

from bench.room.listening import Listening
from bench.room.phrases import Phrase, asked, outcome
from bench.room.rooms import Samples, at_level, padded, pcm, response, reverberant, samples
from bench.room.understood import Score
from bench.room.voices import Speak
from gateway.media import speex
from gateway.media.echo import SILENCE, Echo
from gateway.rtc.codec import OpusDecoder, OpusEncoder, OpusSettings
from gateway.rtc.playout import Heard

_SPEECH_DB: Final = -26.0
_LEARN_SECONDS: Final = 3.0
"""Of the bot's voice before anybody speaks: its first sentence, by which the canceller learns the room."""
_FINE: Final = OpusSettings(bitrate=96_000, complexity=0, fec=False)
"""As a device encodes what it hears beside its own voice, where the gateway cancels that."""
_JITTER: Final = (4, 5)
"""Frames from sending to playing, before and after a jump of the device's buffer."""
_SAID: Final = (
    "The timer for the pasta is set for eleven minutes, and there are two more of them running in the kitchen.",
    "It is a quarter past three in the afternoon, on Monday, the fourth of May; the sun sets at half past eight.",
    "I can tell you the time and the date, do sums, set timers and alarms, and change how loud I am, as you like.",
)


class Hears(Protocol):
    """As `Echo` does."""

    def sent(self, opus: bytes, timestamp: int) -> None: ...
    def hear(self, heard: Heard) -> bytes: ...
    def close(self) -> None: ...


How = Callable[[], Hears | None]


def ours() -> Hears | None:
    """What `audio.echo = "cancel"` does, where its library is there."""
    return Echo(speex.Speex()) if speex.available() else None


def none() -> Hears | None:
    """What a device sends is heard as it is."""
    return Echo(None)


def half() -> Hears | None:
    """A device that sends nothing while it speaks."""
    return _Half()


class _Half:
    def sent(self, opus: bytes, timestamp: int) -> None:
        """It makes no difference."""

    def hear(self, heard: Heard) -> bytes:  # noqa: ARG002 -- as `Echo`
        return SILENCE

    def close(self) -> None:
        """There is nothing to give back."""


def over_bot(  # noqa: PLR0913, PLR0917 -- one condition
    listening: Listening,
    voices: Sequence[tuple[str, Speak]],
    bot: Speak,
    how: How,
    echo_db: float = -20.0,
    every: int = 1,
) -> Score:
    """How many single phrases are understood while the bot speaks, its echo so loud at the microphone."""
    score = Score()
    phrases = [phrase for phrase in asked() if len(phrase.sentences) == 1][::every]
    said = itertools.cycle(bot(text) for text in _SAID)
    for (name, speak), phrase in zip(itertools.cycle(voices), phrases, strict=False):
        echo = how()
        if echo is None:
            return score
        got = _once(listening, echo, _talk(said), speak(phrase.sentences[0]), echo_db)
        echo.close()
        score.note(_right(got, phrase), f"{name}: {phrase.sentences[0]} -> {got}")
    return score


def alone(listening: Listening, bot: Speak, how: How, echo_db: float = -20.0) -> int:
    """How many turns the bot's own voice begins, where nobody speaks: each would be answered."""
    echo = how()
    if echo is None:
        return -1
    talk = np.concatenate([bot(text) for text in _SAID])
    heard = _heard(echo, talk, np.zeros(talk.size), echo_db)
    echo.close()
    conversation = listening.conversation()
    conversation.hear(heard)
    return len(conversation.heard)


def _right(got: Sequence[str], phrase: Phrase) -> bool:
    """Its answer interrupts the bot: what is heard of the bot itself beside it counts against it."""
    return bool(got) and all(one in phrase.wanted for one in got)


def _talk(said: Iterator[Samples]) -> Samples:
    return np.concatenate([next(said), next(said), next(said)])


def _once(listening: Listening, echo: Hears, talk: Samples, person: Samples, echo_db: float) -> list[str]:
    near = padded(at_level(person, _SPEECH_DB), _LEARN_SECONDS, 2.0)
    count = min(near.size, talk.size) // 320 * 320
    heard = _heard(echo, talk[:count], near[:count], echo_db)
    turns = listening.conversation().hear(heard)
    return [outcome(intents) for intents in turns if intents]


def _heard(echo: Hears, talk: Samples, near: Samples, echo_db: float) -> Samples:
    """What comes of the microphone, over the codec both ways; halfway the device drops a frame it held."""
    sent = _encoded(at_level(talk, -20.0), OpusSettings())
    played = _decoded(sent)
    room = response((3.6, 3.0, 2.5), 0.25, (1.0, 1.2, 0.9), (1.06, 1.2, 0.9))
    count = near.size // 320
    jump = count // 2
    delayed = np.concatenate([np.zeros(320 * _JITTER[1]), played])
    delayed = np.concatenate([delayed[: 320 * jump], delayed[320 * (jump + _JITTER[1] - _JITTER[0]) :]])
    sound = reverberant(delayed, np.concatenate([np.zeros(24), room]))[: near.size]
    microphone = pcm(_decoded(_encoded(near + at_level(np.resize(sound, near.size), echo_db), _FINE)))
    out = b""
    for n in range(count):
        echo.sent(sent[n], 960 * n)
        held = _JITTER[1] if n < jump else _JITTER[0]
        out += echo.hear(Heard(microphone[640 * n : 640 * n + 640], (960 * (n - held)) % 2**32))
    return samples(out)


def _encoded(of: Samples, settings: OpusSettings) -> list[bytes]:
    encoder = OpusEncoder(settings)
    sound = pcm(of)
    sound += bytes(-len(sound) % 640)
    return [encoder.encode(sound[at : at + 640]) for at in range(0, len(sound), 640)]


def _decoded(packets: Sequence[bytes]) -> Samples:
    decoder = OpusDecoder()
    return samples(b"".join(map(decoder.decode, packets)))
