"""Where a call can be and what can happen to it: one table, and nothing beside it."""

from __future__ import annotations

from enum import StrEnum

from gateway.errors import GatewayError


class State(StrEnum):
    """Where a call is."""

    NEGOTIATING = "negotiating"
    CONNECTING = "connecting"
    LIVE = "live"
    AWAY = "away"
    """Nothing is heard of the client, which may take the call up again."""
    CLOSING = "closing"
    ENDED = "ended"


class Event(StrEnum):
    """What can happen to a call."""

    ANSWERED = "answered"
    CONNECTED = "connected"
    RESTARTED = "restarted"
    SILENT = "silent"
    HEARD = "heard"
    CLOSE = "close"
    CLOSED = "closed"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.NEGOTIATING, Event.ANSWERED): State.CONNECTING,
    (State.NEGOTIATING, Event.CLOSE): State.CLOSING,
    (State.CONNECTING, Event.CONNECTED): State.LIVE,
    (State.CONNECTING, Event.RESTARTED): State.CONNECTING,
    (State.CONNECTING, Event.SILENT): State.AWAY,
    (State.CONNECTING, Event.CLOSE): State.CLOSING,
    (State.LIVE, Event.RESTARTED): State.CONNECTING,
    (State.LIVE, Event.SILENT): State.AWAY,
    (State.LIVE, Event.CLOSE): State.CLOSING,
    (State.AWAY, Event.HEARD): State.LIVE,
    (State.AWAY, Event.RESTARTED): State.CONNECTING,
    (State.AWAY, Event.CLOSE): State.CLOSING,
    (State.CLOSING, Event.CLOSED): State.ENDED,
}


class IllegalEvent(GatewayError):
    """An event that the state of the call does not allow; nothing has changed.

    It has no code of its own: no client can cause it, so to clients it is a fault of the gateway's like any other.
    """


def next_state(state: State, event: Event) -> State:
    """Look a transition up.

    Raises:
        IllegalEvent: the table has none.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalEvent(f"a call that is {state} takes no {event}") from None
