"""What stands between what a client says and its bot, and decides what of it the bot hears."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.media.attention import Attention, Cue, next_attention
from gateway.media.earshot import Claim, Earshot
from gateway.media.gate import Gate
from gateway.media.loudness import Loudness
from gateway.media.own import OwnWords
from gateway.media.words import Spotter
from gateway.sections import AttentionSettings

FRAME_SECONDS: Final = 0.020
QUIET_SECONDS: Final = 0.5
"""Without the bot's sound after which it has finished: a pause between sentences, what the device has yet to play, and
the room's echo of it."""
HUSHED_SECONDS: Final = 1.0
"""Without sound of the bot after which what it says is something new, and not what was interrupted."""
SPEECH_DB: Final = 9.0
"""Above the noise: somebody speaks."""
TRAIL_SECONDS: Final = 2.5
"""How long it listens on after somebody spoke."""
LONGEST_SECONDS: Final = 20.0
"""How long it listens at most: where a television is on, somebody always speaks."""
SAME_SECONDS: Final = 1.0
"""For which a model that has heard its word may go on to."""
CATCH_UP: Final = 4
"""Frames handed on for each that comes while the bot has yet to hear what was held back."""


class Ear(Protocol):
    """Takes what the client says, 20 ms of 16 kHz mono 16-bit PCM at a time, and hands on what the bot is to hear."""

    @property
    def attention(self) -> Attention | None:
        """Whom it listens to; None where it never sleeps."""

    @property
    def listens(self) -> bool:
        """Whether silence matters to it, or to the bot behind it, just now."""

    def hear(self, pcm: bytes) -> None:
        """Take a frame."""

    def said(self, pcm: bytes) -> None:
        """This goes out to the client."""

    def call(self, by: str) -> None:
        """The client wants to be heard, by a button say."""

    def may_say(self) -> bool:
        """Whether what the bot says now is to be heard; it is not where it was interrupted."""

    def cleared(self) -> None:
        """The bot knows that it was interrupted."""

    def close(self) -> None:
        """The call is over."""


class OpenEar:
    """Hands on everything.

    Args:
        hand_on: is given each frame.
    """

    def __init__(self, hand_on: Callable[[bytes], None]) -> None:
        self._hand_on = hand_on
        self.attention: None = None
        self.listens = True

    def hear(self, pcm: bytes) -> None:
        self._hand_on(pcm)

    def said(self, pcm: bytes) -> None:
        """It waits for no word that could be in it."""

    def call(self, by: str) -> None:
        """It is heard anyway."""

    def may_say(self) -> bool:
        return True

    def cleared(self) -> None:
        """Nothing was held back."""

    def close(self) -> None:
        """There is nothing to give back."""


@dataclass(frozen=True, slots=True)
class Around:
    """What an ear has to do with in its call.

    `hand_on` is given each frame that the bot is to hear, `rest` is called when it is to hear no more; `speaks` says
    whether the bot's sound goes out just now, `rings` whether something rings, perhaps in a pause; `hush` is called
    when the bot is interrupted; `tell` is told each change, and by what word or button the device was called.
    """

    hand_on: Callable[[bytes], None]
    rest: Callable[[], None]
    speaks: Callable[[], bool]
    rings: Callable[[], bool]
    hush: Callable[[], None]
    tell: Callable[[Attention, str | None], None]


class WakingEar:
    """Hands on nothing until it is called.

    Args:
        spotter: finds the words.
        own: those of them in what the bot says.
        stops: those of them that count only while the bot speaks or something rings, as "stop".
        limits: how long it listens, and what it holds.
        around: its call.
        earshot: the others that wait for words, and the time.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- what is around it
        self,
        spotter: Spotter,
        own: OwnWords,
        stops: frozenset[str],
        limits: AttentionSettings,
        around: Around,
        earshot: Earshot,
    ) -> None:
        self.attention = Attention.ASLEEP
        self._spotter, self._own, self._stops, self._limits = spotter, own, stops, limits
        self._call, self._earshot = around, earshot
        self._loudness = Loudness()
        self._gate = Gate()
        self._held: deque[bytes] = deque(maxlen=round(limits.pre_roll_s / FRAME_SECONDS))
        self._backlog: deque[bytes] = deque()
        self._passing = False
        self._until = self._latest = 0.0  # it listens
        self._sounded_at = 0.0
        self._said_at: float | None = None  # of a bot that was interrupted, as long as it goes on
        self._claim: Claim | None = None
        self._again_at = 0.0
        earshot.listening += 1

    @property
    def listens(self) -> bool:
        return self._passing or not self._gate.shut

    def hear(self, pcm: bytes) -> None:
        now = self._earshot.clock()
        self._loudness.hear(pcm)
        self._follow_bot(now)
        self._listen(pcm, now)
        if self._passing:
            self._pass_on(pcm, now)
        else:
            self._held.append(pcm)

    def said(self, pcm: bytes) -> None:
        self._own.say(pcm)

    def call(self, by: str) -> None:
        self._be_called(by, self._earshot.clock())

    def may_say(self) -> bool:
        now = self._earshot.clock()
        if self._said_at is not None and now - self._said_at < HUSHED_SECONDS:
            self._said_at = now
            return False
        self._said_at = None
        return True

    def cleared(self) -> None:
        self._said_at = None

    def close(self) -> None:
        self._earshot.listening -= 1
        self._spotter.close()
        self._own.close()

    # -- the bot

    def _follow_bot(self, now: float) -> None:
        if self._call.speaks():
            self._sounded_at = now
            if self.attention is not Attention.SPEAKING:
                self._move(Cue.SOUNDS, now)
        elif self.attention is Attention.SPEAKING and now - self._sounded_at >= QUIET_SECONDS:
            self._move(Cue.QUIET, now)

    # -- the words

    def _listen(self, pcm: bytes, now: float) -> None:
        """Plain silence is not searched."""
        rings = self._call.rings()
        but = () if rings or self.attention is Attention.SPEAKING else self._stops
        found = {word for frame in self._gate.take(pcm) for word in self._spotter.heard(frame, but)}
        for word in sorted(word for word in found if not self._own.explains(word, now)):
            if rings or word in self._stops:  # it is of what this one says: there are no rivals
                self._be_called(word, now)
                return
            if self.attention is not Attention.ATTENTIVE and self._claim is None and now >= self._again_at:
                self._claim = self._earshot.claim(word, self._loudness.recent, now)
        if self._claim is not None and (won := self._earshot.won(self._claim, now)) is not None:
            word, self._claim, self._again_at = self._claim.word, None, now + SAME_SECONDS
            if won:
                self._be_called(word, now)

    def _be_called(self, by: str, now: float) -> None:
        if self.attention is Attention.SPEAKING:
            self._said_at = now
            self._call.hush()
        self._move(Cue.CALLED, now, by)

    # -- what follows from it

    def _move(self, cue: Cue, now: float, by: str | None = None) -> None:
        before = self.attention
        self.attention = next_attention(before, cue)
        if cue in {Cue.CALLED, Cue.QUIET}:
            seconds = self._limits.listen_s if cue is Cue.CALLED else self._limits.follow_up_s
            self._until, self._latest = now + seconds, now + max(seconds, LONGEST_SECONDS)
        self._open(cue)
        if self.attention is not before or by is not None:
            self._call.tell(self.attention, by)

    def _open(self, cue: Cue) -> None:
        """Begin to hand on, with what was said before the call; or say that there is no more."""
        passing = self.attention is Attention.ATTENTIVE or (
            self.attention is Attention.SPEAKING and self._limits.interrupt == "speech"
        )
        if passing and not self._passing:
            self._backlog.extend(self._held if cue is Cue.CALLED else ())
        elif self._passing and not passing:
            self._backlog.clear()
            self._call.rest()
        if passing is not self._passing:
            self._held.clear()
        self._passing = passing

    def _pass_on(self, pcm: bytes, now: float) -> None:
        self._backlog.append(pcm)
        for _ in range(min(CATCH_UP, len(self._backlog))):
            self._call.hand_on(self._backlog.popleft())
        if self.attention is not Attention.ATTENTIVE:
            return
        if self._loudness.above >= SPEECH_DB:
            self._until = max(self._until, now + TRAIL_SECONDS)
        if now >= min(self._until, self._latest):
            self._move(Cue.TIRED, now)
