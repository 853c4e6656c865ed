"""The error tree: every failure a caller can meet has a stable code and an HTTP status."""

from __future__ import annotations

from typing import Self

from ground.trouble import Trouble


class GatewayError(Trouble):
    """Root of the tree. `code` is stable and machine-readable; `remedy` says what to do about it."""

    code = "internal"
    status = 500

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)


class ConfigError(GatewayError):
    """A setting that cannot work: named at start-up, never at the first call."""

    code = "config"

    @classmethod
    def of(cls, trouble: Trouble) -> Self:
        """What the ground says, as an error that crosses processes."""
        return cls(trouble.message, remedy=trouble.remedy)


class CodecError(GatewayError):
    """An Opus packet or a block of PCM that the codec cannot take."""

    code = "codec"


class BadOffer(GatewayError):
    """An offer that no call can be made from."""

    code = "bad_offer"
    status = 422


class NoAudio(BadOffer):
    """An offer without an audio section that carries Opus."""

    code = "no_audio"


class NoRoute(BadOffer):
    """No local address leads to the client."""

    code = "no_route"


class BadRequest(GatewayError):
    """A request whose body is not what the route takes."""

    code = "bad_request"
    status = 422


class BodyTooLarge(GatewayError):
    """A body over the limit, or one that does not say how long it is."""

    code = "body_too_large"
    status = 413


class Unauthorized(GatewayError):
    """A client off this machine without a key that we know."""

    code = "key_required"
    status = 401


class Forbidden(GatewayError):
    """A key that may not do this, or a page of another site that speaks in the user's name."""

    code = "forbidden"
    status = 403


class TlsRequired(Forbidden):
    """Plain http from another machine, where everyone on the way could read it."""

    code = "tls_required"


class NotFound(GatewayError):
    """A session, device or page that is not (or no longer) there."""

    code = "not_found"
    status = 404


class Conflict(GatewayError):
    """A name that is taken."""

    code = "conflict"
    status = 409


class RateLimited(GatewayError):
    """Too many requests of a kind in too short a time."""

    code = "rate_limited"
    status = 429


class BotFailed(GatewayError):
    """The bot raised or ended before the call could begin."""

    code = "bot_failed"
    status = 502


class Busy(GatewayError):
    """No room for another session now, or no worker that answers in time. `retry_s`: when there may be."""

    code = "busy"
    status = 503

    def __init__(self, message: str, *, remedy: str = "", retry_s: int = 2) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_s = retry_s


class Stopping(Busy):
    """The gateway is shutting down."""

    code = "stopping"


class Unreachable(GatewayError):
    """No gateway answers where a command of ours looks for one."""

    code = "unreachable"


BY_CODE: dict[str, type[GatewayError]] = {
    cls.code: cls
    for cls in (
        GatewayError,
        ConfigError,
        CodecError,
        BadOffer,
        NoAudio,
        NoRoute,
        BadRequest,
        BodyTooLarge,
        Unauthorized,
        Forbidden,
        TlsRequired,
        NotFound,
        Conflict,
        RateLimited,
        BotFailed,
        Busy,
        Stopping,
        Unreachable,
    )
}
"""The class of each code, so that an error crosses a process boundary as itself."""
