"""loguru's sinks, each bot's apart from the others': each finds one, of the number 0, as under Pipecat's runner.

Which sinks there are loguru keeps to itself; `tests/bot/test_sinks.py` fails where it keeps them otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from loguru import logger

_LEFT: Final[dict[str, Mapping[int, Any]]] = {}
"""The sinks that the import of each bot has left."""


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
    ours = _core().handlers
    _log_by({})
    set_up()
    try:
        yield
    finally:
        _LEFT[bot] = _core().handlers
        _log_by(ours)


def _log_by(sinks: Mapping[int, Any]) -> None:
    core = _core()
    core.handlers = sinks
    core.handlers_count = max(sinks, default=-1) + 1
    core.min_level = min((sink.levelno for sink in sinks.values()), default=float("inf"))


def _core() -> Any:
    return logger._core  # type: ignore[attr-defined] # noqa: SLF001
