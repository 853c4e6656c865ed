"""Logging: one line a record on stderr, as text or JSON, with the id of its session."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import TYPE_CHECKING

from loguru import logger

from gateway.settings import Settings

if TYPE_CHECKING:
    from loguru import Record

_NOISY = ("aioice", "aiortc", "httpx", "asyncio", "numba", "websockets")


class _Bridge(logging.Handler):
    """Passes the standard library's records on to loguru, which Pipecat uses."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        logger.opt(depth=6, exception=record.exc_info).log(level, record.getMessage())


def set_up(settings: Settings, *, worker: int | None = None, relayed: bool = False) -> None:
    """Send all logging of this process to stderr.

    Pipecat warns of every client without video: its own lines come at DEBUG only.

    Args:
        settings: the gateway's.
        worker: the number of this process.
        relayed: another process reads stderr, and passes each line to `relay`.
    """
    logger.remove()
    quiet = settings.log_level.upper() not in {"DEBUG", "TRACE"}
    logger.configure(extra={"session": "-", "worker": "-" if worker is None else str(worker)})
    machine = relayed or settings.log_json
    logger.add(
        sys.stderr,
        level=settings.log_level.upper(),
        format=_for_relay if relayed else _json if settings.log_json else _TEXT,
        filter={"": True, "pipecat": "ERROR"} if quiet else None,
        colorize=False if machine else None,
        diagnose=False,  # it would print the values of variables, keys among them
        backtrace=False,
    )
    logging.basicConfig(handlers=[_Bridge()], level=logging.INFO, force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.INFO)


_TEXT = (
    "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level: <7}</level> "
    "<dim>w{extra[worker]} {extra[session]}</dim> {message}"
)


def _json(record: Record) -> str:
    line = {
        "at": record["time"].isoformat(),
        "level": record["level"].name,
        "logger": record["name"],
        "message": record["message"],
        **record["extra"],
    }
    exception = record["exception"]
    if exception is not None:
        line["error"] = repr(exception.value)
    record["extra"]["line"] = json.dumps(line, default=str)
    return "{extra[line]}\n"


_RECORD = "\x1e"
"""Begins a line that is a record and not something printed (RFC 7464)."""
_LONGEST_RELAYED = 4_000
"""Characters of a message, or of its traceback, whose end tells the most."""


def _for_relay(record: Record) -> str:
    message = record["message"][:_LONGEST_RELAYED]
    if (exception := record["exception"]) is not None:
        trace = "".join(traceback.format_exception(exception.type, exception.value, exception.traceback))
        message += "\n" + trace[-_LONGEST_RELAYED:].rstrip()
    line = {"level": record["level"].name, "logger": record["name"], "message": message}
    record["extra"]["line"] = _RECORD + json.dumps(line)
    return "{extra[line]}\n"


def relay(line: str, session: str) -> None:
    """Log a line that another process has written: a record of its own log, or something that it printed."""
    level, name, message = _record(line) or ("INFO", __name__, line)

    def rename(record: Record) -> None:
        record["name"] = name

    logger.bind(session=session).patch(rename).log(level, "{}", _plain(message))


def _record(line: str) -> tuple[str, str, str] | None:
    if not line.startswith(_RECORD):
        return None
    try:
        record = json.loads(line[1:])
        return logger.level(record["level"]).name, str(record["logger"]), str(record["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _plain(text: str) -> str:
    """Text of strangers without what would steer a terminal."""
    return "".join(c if c.isprintable() or c in "\t\n" else ascii(c)[1:-1] for c in text)
