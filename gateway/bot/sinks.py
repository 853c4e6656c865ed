"""Where each bot logs to, apart from the others, as its import has it.

It finds one sink of loguru's, of the number 0, as under Pipecat's runner, and may add and take away what it likes, in
Python's own logging too. Which sinks there are loguru keeps to itself; `tests/bot/test_sinks.py` fails where it keeps
them otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from logging import Handler, getLogger
from typing import Any, Final, NamedTuple

from loguru import logger


class _Sinks(NamedTuple):
    loguru: Mapping[int, Any]
    logging: list[Handler]


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
    _log_by(_Sinks({}, []))
    set_up()
    try:
        yield
    finally:
        _LEFT[bot] = _now()
        _log_by(ours)


def _now() -> _Sinks:
    return _Sinks(_core().handlers, [*getLogger().handlers])


def _log_by(sinks: _Sinks) -> None:
    core = _core()
    core.handlers = sinks.loguru
    core.handlers_count = max(sinks.loguru, default=-1) + 1
    core.min_level = min((sink.levelno for sink in sinks.loguru.values()), default=float("inf"))
    getLogger().handlers = [*sinks.logging]


def _core() -> Any:
    return logger._core  # type: ignore[attr-defined] # noqa: SLF001
