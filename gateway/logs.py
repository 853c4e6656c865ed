"""Logging: one line a record on stderr, as text or JSON, with the id of its session."""

from __future__ import annotations

import json
import logging
import sys
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


def set_up(settings: Settings, *, worker: int | None = None) -> None:
    """Send all logging of this process to stderr.

    Pipecat warns of every client without video: its own lines come at DEBUG only.
    """
    logger.remove()
    quiet = settings.log_level.upper() not in {"DEBUG", "TRACE"}
    logger.configure(extra={"session": "-", "worker": "-" if worker is None else str(worker)})
    logger.add(
        sys.stderr,
        level=settings.log_level.upper(),
        format=_json if settings.log_json else _TEXT,
        filter={"": True, "pipecat": "ERROR"} if quiet else None,
        colorize=False if settings.log_json else None,
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
