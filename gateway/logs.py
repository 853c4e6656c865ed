"""Logging: one line an event on stderr, as text or JSON, with the id of its session.

Much of what is logged was said by somebody else, a device say: so that nobody who logs has to think of it, it is here
that what a terminal would act on is escaped, that what is long is cut, and that a flood is held back (`gateway.flood`).
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from loguru import logger
from pydantic import BaseModel, Field

from gateway import sentry
from gateway.environment import sentry_dsn
from gateway.flood import Flood
from gateway.settings import Settings

if TYPE_CHECKING:
    from types import TracebackType

    from loguru import Record

MAX_MESSAGE: Final = 2_048
"""Characters."""
MAX_TRACE_LINES: Final = 100
_MAX_TRACE_LINE: Final = 512
_MAX_NOTE: Final = 40
"""Of what is added to a line that was cut."""
_RELAYED: Final = "relayed"
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


def set_up(settings: Settings, *, worker: int | None = None, relayed: bool = False) -> None:
    """Send all logging of this process to stderr.

    Args:
        settings: the gateway's.
        worker: the number of this process.
        relayed: another process reads stderr, and passes each line to `relay`.

    Raises:
        ConfigError: errors are to go to a Sentry, and can't.
    """
    logger.remove()
    quiet = settings.log_level.upper() not in {"DEBUG", "TRACE"}
    flood = Flood()

    def wanted(record: Record) -> bool:
        return not (quiet and _is_chatter(record)) and flood.passes(record)

    logger.configure(extra={"session": "-", "worker": "-" if worker is None else str(worker)})
    _number_next(1)
    if (dsn := sentry_dsn()) and not relayed:  # before the other, which takes the exception out of the record
        logger.add(sentry.sink(dsn), level="ERROR", format="{message}", filter=Flood().passes)
    _number_next(0)
    logger.add(
        sys.stderr,
        level=settings.log_level.upper(),
        format=_for_relay if relayed else _json if settings.log_json else _text,
        filter=wanted,
        colorize=False if relayed or settings.log_json else None,
    )
    _number_next(2)
    logging.basicConfig(handlers=[_Bridge()], level=logging.INFO, force=True)
    logging.captureWarnings(capture=True)
    if relayed:  # line by line, a flood of them would be held back before it came to the cause
        threading.excepthook = _tell_of_thread
        sys.unraisablehook = _tell_of_unraisable
        sys.excepthook = _tell_of_end
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.INFO)
    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # what it raises as well, `discovery` says once


def _tell_of_thread(told: threading.ExceptHookArgs) -> None:
    """What Python would print as it is: here an event, with its trace."""
    name = "a thread" if told.thread is None else f"thread {told.thread.name}"
    if told.exc_type is not SystemExit:
        logger.opt(exception=told.exc_value).error("{} has ended", name)


def _tell_of_unraisable(told: sys.UnraisableHookArgs) -> None:
    """Likewise: of a finaliser, say."""
    logger.opt(exception=told.exc_value).error("{} {!r}", told.err_msg or "Exception ignored in", told.object)


def _tell_of_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Likewise: of what ends the process."""
    logger.opt(exception=(kind, error, trace)).error("the process ends")


def _number_next(number: int) -> None:
    """Bots take loguru's own sink away by its number, 0: here another stands in its place."""
    logger._core.handlers_count = number  # type: ignore[attr-defined] # noqa: SLF001


def _is_chatter(record: Record) -> bool:
    """What libraries warn of that is no fault; it comes at DEBUG only.

    Pipecat warns of every client without video, zeroconf of each socket whose interface has gone, asyncio of each TLS
    connection that ends which began without (NATS's).
    """
    if record["level"].no >= logging.ERROR:
        return False
    name, exception = record["name"] or "", record["exception"]
    if name == "asyncio" and "eof_received()" in record["message"]:
        return True
    return name.startswith("pipecat.") or (
        name == "zeroconf" and exception is not None and isinstance(exception.value, OSError)
    )


def plain(text: str, most: int = MAX_MESSAGE) -> str:
    """Anyone's text on one line: what cannot be seen or would command a terminal is escaped, what is long is cut."""
    if len(text) <= most + _MAX_NOTE and text.isprintable():
        return text  # it may have been cut already, in the process that it comes from
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:most])
    if len(text) > most or len(shown) > most:
        return f"{shown[:most]}… (cut; {len(text):,} characters)"
    return shown


def _trace(error: BaseException) -> list[str]:
    """How a fault came about, without the values of variables: keys are among them."""
    return "".join(traceback.format_exception(error)).rstrip("\n").split("\n")


def _set_in(trace: list[str]) -> str:
    """A trace as lines below its event: what an error says may have lines that look like ours."""
    lines = list(trace)
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
    record["extra"]["trace"] = "" if error is None else _set_in(error.trace)
    return _TEXT


@dataclass(frozen=True, slots=True)
class _Error:
    """An error as it is shown: what it is, and how it came about."""

    text: str
    trace: list[str]


def _settle(record: Record) -> _Error | None:
    """Make its message fit to be shown, and take the error out, which loguru would show as it is."""
    exception, record["exception"] = record["exception"], None
    record["message"] = plain(record["message"])
    told: _Error | None = record["extra"].pop(_RELAYED, None)
    if exception is None or exception.value is None:
        return told
    return _Error(plain(repr(exception.value)), _trace(exception.value))


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
        line["error"] = error.text
        line["trace"] = _set_in(error.trace).removeprefix("\n")
    record["extra"]["line"] = json.dumps(line, default=str)
    return "{extra[line]}\n"


_RECORD: Final = "\x1e"
"""Begins a line that is a record and not something printed (RFC 7464)."""


class _Relayed(BaseModel):
    """A record on its way from another process, which is not trusted: it is made fit to be shown here."""

    level: str
    no: Annotated[int, Field(ge=0)]
    logger: str = Field(max_length=200)
    line: int
    session: str = "-"
    message: str
    error: str | None = None
    trace: list[str] = []


def _for_relay(record: Record) -> str:
    error = _settle(record)
    told = _Relayed(
        level=record["level"].name,
        no=record["level"].no,
        logger=(record["name"] or "-")[:200],
        line=record["line"],
        session=str(record["extra"]["session"]),
        message=record["message"],
        error=error.text if error else None,
        trace=_set_in(error.trace).split("\n  ")[1:] if error else [],
    )
    record["extra"]["line"] = _RECORD + told.model_dump_json()
    return "{extra[line]}\n"


def relay(line: str, session: str) -> None:
    """Log a line that another process has written: a record of its own log, or something that it printed.

    A process of one session has no say in which; `-` is of many, and tells.
    """
    told = _relayed(line) or _Relayed(level="INFO", no=20, logger=__name__, line=0, message=line)

    def as_there(record: Record) -> None:
        record["name"], record["line"] = told.logger, told.line
        if told.error is not None:
            record["extra"][_RELAYED] = _Error(plain(told.error), told.trace)

    logger.bind(session=told.session if session == "-" else session).patch(as_there).log(
        told.level if _is_level(told.level) else told.no, "{}", told.message
    )


def _relayed(line: str) -> _Relayed | None:
    if not line.startswith(_RECORD):
        return None
    try:
        return _Relayed.model_validate_json(line[1:])
    except ValueError:  # pydantic's is one
        return None


def _is_level(name: str) -> bool:
    """Whether there is one of this name here: a bot may make its own, or log by number."""
    try:
        logger.level(name)
    except ValueError:
        return False
    return True
