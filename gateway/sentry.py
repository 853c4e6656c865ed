"""Errors of the log, sent to a Sentry: what was logged and how it came about, without the values of variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway import __version__
from gateway.errors import ConfigError
from ground import installing

if TYPE_CHECKING:
    from loguru import Message


def sink(dsn: str) -> Callable[[Message], None]:
    """What loguru hands errors to.

    Raises:
        ConfigError: the SDK is not installed, or can't send to this DSN.
    """
    try:
        import sentry_sdk  # noqa: PLC0415 -- an extra
    except ImportError:
        raise ConfigError(
            "SENTRY_DSN is set, and Sentry's SDK is not installed",
            remedy=installing.line("sentry-sdk>=2.20,<3"),
        ) from None
    try:
        sentry_sdk.init(
            dsn,
            default_integrations=False,  # they would reach into whatever is imported
            include_local_variables=False,  # keys are among them
            send_default_pii=False,
            release=f"voicegw@{__version__}",
        )
    except sentry_sdk.utils.BadDsn as error:
        raise ConfigError(
            f"SENTRY_DSN is none: {error}", remedy="copy it from the project's settings"
        ) from None

    def take(message: Message) -> None:
        record = message.record
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("session", str(record["extra"].get("session", "-")))
            scope.set_tag("worker", str(record["extra"].get("worker", "-")))
            if record["exception"] is not None and record["exception"].value is not None:
                scope.set_extra("message", record["message"])
                sentry_sdk.capture_exception(record["exception"].value)
                return
            _tell_relayed(scope, record["extra"].get("relayed"))
            sentry_sdk.capture_message(record["message"], level="error")

    return take


def _tell_relayed(scope: Any, error: Any) -> None:
    """An error of another process comes as text."""
    if error is not None:
        scope.set_extra("error", error.text)
        scope.set_extra("trace", "\n".join(error.trace))
