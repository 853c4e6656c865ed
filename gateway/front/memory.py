"""What was said with a device, kept where that is wished, and what its people prefer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from loguru import logger

from gateway.errors import BadRequest
from gateway.front.memory_book import MemoryBook, Said
from gateway.front.registry_file import StorageError
from gateway.recurring import Recurring
from gateway.sections import OfDevice
from gateway.settings import Settings
from gateway.wire.calls import SessionEvent
from gateway.wire.tools import PREFERENCES, UNITS

MAX_TEXT: Final = 2_000
"""Characters kept of each side, and of a summary twice as many."""
MAX_VALUE: Final = 60
WAITING: Final = 200
"""That may wait to be written, when the disk is slow; the oldest is lost."""
DAY: Final = 86_400.0


class Memory:
    """What is remembered of all devices, and of the people that the settings name.

    Args:
        settings: what is kept, of whom, and for how long.
        book: where.
        publish: is given what the page should know.
        clock: tells the time, in Unix seconds.
    """

    def __init__(
        self,
        settings: Settings,
        book: MemoryBook,
        publish: Callable[[str, dict[str, Any]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._book = book
        self._publish = publish
        self._clock = clock
        self._new: asyncio.Queue[Said] = asyncio.Queue()

    def keeps(self, device: str) -> bool:
        """Whether what is said with this device is kept."""
        own = self._settings.devices.get(device, OfDevice()).history
        return self._settings.memory.history if own is None else own

    def whose(self, device: str) -> str:
        """Who is remembered: a person of the settings, who may have several devices, or the device."""
        person = self._settings.devices.get(device, OfDevice()).person
        return device if person is None else f"@{person}"

    # -- what happens

    def take(self, event: SessionEvent) -> None:
        """Note a turn that was answered; what nobody answered was not meant for it, and is not kept."""
        device = event.data.get("device")
        if event.kind != "turn" or not device or not self.keeps(device):
            return
        user, bot = event.data["user"].strip(), event.data["bot"].strip()
        if user and bot:
            if self._new.qsize() >= WAITING:
                self._new.get_nowait()
                self._new.task_done()
            self._new.put_nowait(Said(0, device, event.data["at"], user[:MAX_TEXT], bot[:MAX_TEXT]))

    async def run(self) -> None:
        """Keep them, until cancelled."""
        trouble = Recurring("what is said is not kept", level="ERROR")
        while True:
            said = await self._new.get()
            try:
                await self._keep(said)
                trouble.over()
            except StorageError as error:
                trouble.met(error.message)
            finally:
                self._new.task_done()

    async def _keep(self, said: Said) -> None:
        most = self._settings.memory.exchanges
        await self._book.add(self.whose(said.device), said, most=most, since=self._since())
        self._publish("history", {"device": said.device, "whose": self.whose(said.device)})

    def _since(self) -> float:
        return self._clock() - self._settings.memory.days * DAY

    # -- what is asked for

    async def recalled(self, device: str) -> dict[str, Any]:
        """What a call of this device begins with; raises StorageError."""
        known: dict[str, Any] = {"kept": self.keeps(device), "summary": "", "exchanges": []}
        if self.keeps(device):
            found = await self._found(device, self._settings.memory.recall)
            known["exchanges"] = [{"user": s.user, "bot": s.bot} for s in found]
            known["summary"] = await self._book.summary(self.whose(device))
        return {**known, "preferences": await self.preferences(device)}

    async def search(self, device: str, words: str, most: int) -> list[dict[str, Any]]:
        """What was said, the oldest first; raises StorageError. BadRequest: nothing is kept."""
        if not self.keeps(device):
            raise BadRequest(
                f"what is said with {device} is not kept", remedy="its owner can: [memory] history = true"
            )
        return [s.view() for s in await self._found(device, most, words.strip())]

    async def _found(self, device: str, most: int, words: str = "") -> list[Said]:
        await self._new.join()
        await self._book.age(self._since())
        return await self._book.history(self.whose(device), most, words) if most else []

    async def describe(self, device: str) -> dict[str, Any]:
        """All that is kept, for an operator; raises StorageError."""
        found = await self._found(device, self._settings.memory.exchanges)
        return {
            "kept": self.keeps(device),
            "whose": self.whose(device),
            "summary": await self._book.summary(self.whose(device)),
            "exchanges": [s.view() for s in found],
        }

    async def summarise(self, device: str, text: str) -> None:
        """Take the summary of what a call has left behind; raises StorageError."""
        if self.keeps(device) and text.strip():
            await self._book.summarise(self.whose(device), text.strip()[: 2 * MAX_TEXT], self._clock())

    async def clear(self, device: str) -> None:
        """Forget what was said with this device, or with its person; raises StorageError."""
        await self._new.join()
        await self._book.clear(self.whose(device))
        logger.info("what was said with {} is forgotten", self.whose(device))
        self._publish("history", {"device": device, "whose": self.whose(device)})

    async def preferences(self, device: str) -> dict[str, str]:
        """What its people prefer; raises StorageError."""
        return await self._book.preferences(self.whose(device))

    async def prefer(self, device: str, name: str, value: str) -> dict[str, str]:
        """Keep a preference, or forget it without a value; gives all of them.

        Raises:
            BadRequest: there is no such one, or it can't be this. StorageError: it is not kept.
        """
        await self._book.prefer(self.whose(device), name, self._checked(name, value.strip()))
        return await self.preferences(device)

    def _checked(self, name: str, value: str) -> str:
        if name not in PREFERENCES:
            raise BadRequest(f"there is no preference {name}", remedy=f"one of {', '.join(PREFERENCES)}")
        if not value.isprintable() or len(value) > MAX_VALUE:
            raise BadRequest(
                f"this can't be the {name}", remedy=f"at most {MAX_VALUE} characters, in one line"
            )
        if name == "units" and value not in ("", *UNITS):
            raise BadRequest(f"there are no {value} units", remedy=f"one of {', '.join(UNITS)}")
        voices = self._settings.memory.voices
        if name == "voice" and value not in ("", *voices):
            remedy = f"one of {', '.join(voices)}" if voices else "its owner can: [memory] voices = […]"
            raise BadRequest(f"there is no voice {value} to choose", remedy=remedy)
        return value
