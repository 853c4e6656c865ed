"""Where each bot logs to and prints, apart from the others, as its import has it.

It finds one sink of loguru's, of the number 0, as under Pipecat's runner, and may add and take away what it likes, in
Python's own logging too; and it may put something else in the place of standard output and error, or close them. Which
sinks there are loguru keeps to itself; `tests/bot/test_sinks.py` fails where it keeps them otherwise.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from logging import Handler, getLogger
from typing import Any, Final, NamedTuple, TextIO

from loguru import logger


class _Sinks(NamedTuple):
    loguru: Mapping[int, Any]
    logging: list[Handler]
    streams: tuple[TextIO, TextIO]
    extra: Mapping[str, Any]
    patcher: Callable[[Any], None] | None


_LEFT: Final[dict[str, _Sinks]] = {}
"""What the import of each bot has left."""


def settle(bot: str) -> None:
    """Log in this process as the bot's import has set it up, where that was here or in what this was forked from."""
    if (left := _LEFT.get(bot)) is not None:
        _log_by(left)


@contextmanager
def importing(bot: str, set_up: Callable[[], None]) -> Iterator[None]:
    """Import a bot into a process that others share: what it does to sinks is its own.

    Args:
        bot: whose import.
        set_up: makes the sink that it finds.
    """
    ours = _now()
    _log_by(_Sinks({}, [], (_stream(1), _stream(2)), {}, None))
    set_up()
    try:
        yield
    finally:
        flush()  # else what waits in them is written by each fork
        _LEFT[bot] = _now()
        _log_by(ours)


def of_session(session: str, worker: int) -> None:
    """Have each record say whose it is, beside what the bot has its own say."""
    _core().extra.update(session=session, worker=str(worker))


def flush() -> None:
    """Have all that was printed be written; where a bot has closed a stream, or put what is none there, it is lost."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


def _stream(fd: int) -> TextIO:
    to = io.BufferedWriter(io.FileIO(fd, "w", closefd=False))
    return io.TextIOWrapper(to, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _now() -> _Sinks:
    core = _core()
    streams = (sys.stdout, sys.stderr)
    return _Sinks(core.handlers, [*getLogger().handlers], streams, {**core.extra}, core.patcher)


def _log_by(sinks: _Sinks) -> None:
    core = _core()
    core.handlers = sinks.loguru
    core.handlers_count = max(sinks.loguru, default=-1) + 1
    core.min_level = min((sink.levelno for sink in sinks.loguru.values()), default=float("inf"))
    core.extra = {**sinks.extra}
    core.patcher = sinks.patcher
    getLogger().handlers = [*sinks.logging]
    sys.stdout, sys.stderr = sinks.streams


def _core() -> Any:
    return logger._core  # type: ignore[attr-defined] # noqa: SLF001
