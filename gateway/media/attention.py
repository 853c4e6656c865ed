"""Whom a device listens to, and what can change that: one table, and nothing beside it."""

from __future__ import annotations

from enum import StrEnum

from gateway.media.states import IllegalEvent


class Attention(StrEnum):
    """What a device that waits for a word does just now."""

    ASLEEP = "asleep"
    ATTENTIVE = "attentive"
    SPEAKING = "speaking"


class Cue(StrEnum):
    """What can change it."""

    CALLED = "called"
    """Its word was heard, or its button pressed."""
    SOUNDS = "sounds"
    """The bot's sound goes out: an answer, a question, an announcement."""
    QUIET = "quiet"
    """The bot has been silent for a moment."""
    TIRED = "tired"
    """Nobody has spoken for long enough."""


TRANSITIONS: dict[tuple[Attention, Cue], Attention] = {
    (Attention.ASLEEP, Cue.CALLED): Attention.ATTENTIVE,
    (Attention.ASLEEP, Cue.SOUNDS): Attention.SPEAKING,
    (Attention.ATTENTIVE, Cue.CALLED): Attention.ATTENTIVE,
    (Attention.ATTENTIVE, Cue.SOUNDS): Attention.SPEAKING,
    (Attention.ATTENTIVE, Cue.TIRED): Attention.ASLEEP,
    (Attention.SPEAKING, Cue.CALLED): Attention.ATTENTIVE,
    (Attention.SPEAKING, Cue.QUIET): Attention.ATTENTIVE,
}


def next_attention(attention: Attention, cue: Cue) -> Attention:
    """Look a transition up.

    Raises:
        IllegalEvent: the table has none.
    """
    try:
        return TRANSITIONS[attention, cue]
    except KeyError:
        raise IllegalEvent(f"a device that is {attention} takes no {cue}") from None
