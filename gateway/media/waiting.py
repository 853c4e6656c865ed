"""A client whose bot is not there yet is told to wait, and told when it need not any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gateway.wire import messages

PATIENCE_SECONDS: Final = 1.0
"""A bot that is there by then needs no word about it: most take a tenth of that."""


class Waiting:
    """Follows whether client and bot are there.

    Args:
        tell: sends the client a message.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._client = self._bot = False
        self._told = False
        self._timer: asyncio.TimerHandle | None = None

    def client_came(self) -> None:
        """Its connection is up, the first one or another, over which it knows nothing yet."""
        self._client, self._told = True, False
        self._look()

    def bot_came(self) -> None:
        """The bot listens."""
        self._bot = True
        self._look()

    def bot_left(self) -> None:
        """It does not any more; another one comes."""
        self._bot = False
        self._look()

    def close(self) -> None:
        """Say nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self.close()
        if self._client and not self._bot and not self._told:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._wait)
        if self._bot and self._told:
            self._told = False
            self._tell(messages.bot("ready"))

    def _wait(self) -> None:
        self._told = True
        self._tell(messages.bot("starting"))
