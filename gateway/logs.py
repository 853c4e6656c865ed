"""Logging: one line an event on stderr, as text or JSON, with the id of its session.

Much of what is logged was said by somebody else, a device say: so that nobody who logs has to think of it, it is here
that what a terminal would act on is escaped, that what is long is cut, and that a flood is held back (`gateway.flood`).
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import TYPE_CHECKING, Final

from loguru import logger

from gateway.flood import Flood
from gateway.settings import Settings

if TYPE_CHECKING:
    from loguru import Record

MAX_MESSAGE: Final = 2_048
"""Characters."""
MAX_TRACE_LINES: Final = 100
_MAX_TRACE_LINE: Final = 512
_NOISY = ("aioice", "aiortc", "httpx", "asyncio", "numba", "websockets")


class _Bridge(logging.Handler):
    """Passes the standard library's records on to loguru, which Pipecat uses."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno

        def as_there(ours: Record) -> None:
            ours["name"], ours["function"], ours["line"] = record.name, record.funcName, record.lineno

        logger.patch(as_there).opt(exception=record.exc_info).log(level, "{}", record.getMessage())


def set_up(settings: Settings, *, worker: int | None = None) -> None:
    """Send all logging of this process to stderr."""
    logger.remove()
    quiet = settings.log_level.upper() not in {"DEBUG", "TRACE"}
    flood = Flood()

    def wanted(record: Record) -> bool:
        return not (quiet and _is_chatter(record)) and flood.passes(record)

    logger.configure(extra={"session": "-", "worker": "-" if worker is None else str(worker)})
    logger.add(
        sys.stderr,
        level=settings.log_level.upper(),
        format=_json if settings.log_json else _text,
        filter=wanted,
        colorize=False if settings.log_json else None,
    )
    logging.basicConfig(handlers=[_Bridge()], level=logging.INFO, force=True)
    logging.captureWarnings(capture=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.INFO)
    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # what it raises as well, `discovery` says once


def _is_chatter(record: Record) -> bool:
    """What libraries warn of that is no fault; it comes at DEBUG only.

    Pipecat warns of every client without video, zeroconf of each socket whose interface has gone.
    """
    if record["level"].no >= logging.ERROR:
        return False
    name, exception = record["name"] or "", record["exception"]
    return name.startswith("pipecat.") or (
        name == "zeroconf" and exception is not None and isinstance(exception.value, OSError)
    )


def plain(text: str, most: int = MAX_MESSAGE) -> str:
    """Anyone's text on one line: what cannot be seen or would command a terminal is escaped, what is long is cut."""
    if len(text) <= most and text.isprintable():
        return text
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:most])
    if len(text) > most or len(shown) > most:
        return f"{shown[:most]}… (cut; {len(text):,} characters)"
    return shown


def _trace(error: BaseException) -> str:
    """How a fault came about, without the values of variables: keys are among them.

    Each line is set in, as what an error says may have lines that look like ours.
    """
    lines = "".join(traceback.format_exception(error)).rstrip("\n").split("\n")
    if (more := len(lines) - MAX_TRACE_LINES) > 0:
        lines[MAX_TRACE_LINES // 2 : -MAX_TRACE_LINES // 2] = [f"… {more:,} lines left out"]
    return "".join(f"\n  {plain(line, _MAX_TRACE_LINE)}" for line in lines)


_TEXT = (
    "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level: <7}</level> "
    "<dim>w{extra[worker]} {extra[session]}</dim> {message}{extra[trace]}\n"
)


def _text(record: Record) -> str:
    error = _settle(record)
    record["extra"]["session"] = plain(str(record["extra"]["session"]))
    record["extra"]["trace"] = "" if error is None else _trace(error)
    return _TEXT


def _settle(record: Record) -> BaseException | None:
    """Make its message fit to be shown, and take the error out, which loguru would show as it is."""
    exception, record["exception"] = record["exception"], None
    record["message"] = plain(record["message"])
    return None if exception is None else exception.value


def _json(record: Record) -> str:
    error = _settle(record)
    line = {
        "at": record["time"].isoformat(),
        "level": record["level"].name,
        "logger": record["name"],
        "message": record["message"],
        **record["extra"],
    }
    if error is not None:
        line["error"] = plain(repr(error))
        line["trace"] = _trace(error).removeprefix("\n")
    record["extra"]["line"] = json.dumps(line, default=str)
    return "{extra[line]}\n"
