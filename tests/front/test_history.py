"""What is kept of conversations: only where it is wished, bounded, for a device or a person, and forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.errors import BadRequest
from gateway.front.memory import DAY, Memory
from gateway.front.memory_book import MemoryBook
from gateway.front.registry import Registry, open_registry
from gateway.sections import MemorySettings
from gateway.settings import Settings
from gateway.wire.calls import SessionEvent


def turn(user: str, bot: str, *, device: str | None = "kitchen", at: float = 1_000_000.0) -> SessionEvent:
    """What a call tells of a turn."""
    data = {"session": "s", "device": device, "at": at, "user": user, "bot": bot}
    return SessionEvent(kind="turn", session_id="s", data=data)


class World:
    """A registry, and memories over it."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.now = 1_000_000.0
        self.told: list[dict[str, Any]] = []

    @asynccontextmanager
    async def memory(self, devices: dict[str, Any] | None = None, **own: Any) -> AsyncIterator[Memory]:
        """One at work, as a gateway that starts has it."""
        settings = Settings(memory=MemorySettings(**own), devices=devices or {})
        made = Memory(
            settings,
            MemoryBook(self.registry.store),
            lambda _kind, data: self.told.append(data),
            lambda: self.now,
        )
        running = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_registry(tmp_path) as registry:
        yield World(registry)


async def test_nothing_is_kept_unless_it_is_wished(world: World) -> None:
    async with world.memory() as memory:
        memory.take(turn("what time is it", "It is noon."))
        assert (await memory.describe("kitchen"))["exchanges"] == []
        assert (await memory.recalled("kitchen"))["exchanges"] == []
        with pytest.raises(BadRequest, match="not kept"):
            await memory.search("kitchen", "", 5)


async def test_what_is_kept_is_there_after_a_restart(world: World) -> None:
    async with world.memory(history=True) as memory:
        memory.take(turn("what time is it", "It is noon."))
        assert [e["user"] for e in (await memory.describe("kitchen"))["exchanges"]] == ["what time is it"]
    async with world.memory(history=True) as memory:
        assert (await memory.recalled("kitchen"))["exchanges"] == [
            {"user": "what time is it", "bot": "It is noon."}
        ]


async def test_one_device_can_differ(world: World) -> None:
    devices = {"bedroom": {"history": False}, "hall": {"history": True}}
    async with world.memory(devices, history=True) as memory:
        assert [memory.keeps(d) for d in ("kitchen", "bedroom", "hall")] == [True, False, True]
    async with world.memory(devices) as memory:
        assert [memory.keeps(d) for d in ("kitchen", "bedroom", "hall")] == [False, False, True]


async def test_what_nobody_answered_or_no_device_heard_is_not_kept(world: World) -> None:
    async with world.memory(history=True) as memory:
        memory.take(turn("talking to somebody else", ""))
        memory.take(turn("", "Good morning."))
        memory.take(turn("hello", "Hi.", device=None))
        assert (await memory.describe("kitchen"))["exchanges"] == []


async def test_it_is_bounded_by_number_and_by_age(world: World) -> None:
    async with world.memory(history=True, exchanges=3, days=2, recall=2, summarise_after=6) as memory:
        for number in range(5):
            memory.take(turn(f"question {number}", "yes"))
        memory.take(turn("other", "yes", device="hall"))
        found = (await memory.describe("kitchen"))["exchanges"]
        assert [e["user"] for e in found] == ["question 2", "question 3", "question 4"]
        assert [e["user"] for e in (await memory.recalled("kitchen"))["exchanges"]] == [
            "question 3",
            "question 4",
        ]
        await memory.summarise("kitchen", "It was about questions.")
        world.now += 2 * DAY + 1
        told = await memory.describe("kitchen")
        assert (told["exchanges"], told["summary"]) == ([], "")


async def test_a_long_speech_is_cut(world: World) -> None:
    async with world.memory(history=True) as memory:
        memory.take(turn("word " * 4_000, "yes"))
        assert len((await memory.describe("kitchen"))["exchanges"][0]["user"]) == 2_000


async def test_the_devices_of_a_person_share_it_and_no_others(world: World) -> None:
    devices = {"kitchen": {"person": "Anna"}, "bedroom": {"person": "Anna"}}
    async with world.memory(devices, history=True) as memory:
        memory.take(turn("buy milk", "Noted."))
        await memory.prefer("kitchen", "name", "Anna")
        assert (await memory.recalled("bedroom"))["exchanges"] == [{"user": "buy milk", "bot": "Noted."}]
        assert await memory.preferences("bedroom") == {"name": "Anna"}
        assert (await memory.recalled("hall"))["exchanges"] == []
        assert (await memory.recalled("Anna"))["exchanges"] == [], "a device of that name is not the person"


async def test_it_is_cleared_whole(world: World) -> None:
    async with world.memory(history=True) as memory:
        memory.take(turn("buy milk", "Noted."))
        await memory.summarise("kitchen", "Shopping.")
        await memory.clear("kitchen")
        told = await memory.describe("kitchen")
        assert (told["exchanges"], told["summary"]) == ([], "")


async def test_what_has_certain_words_is_found(world: World) -> None:
    async with world.memory(history=True) as memory:
        memory.take(turn("buy milk", "Noted."))
        memory.take(turn("what time is it", "It is noon, time for Milk."))
        memory.take(turn("hello", "Hi."))
        found = await memory.search("kitchen", "MILK", 5)
        assert [e["user"] for e in found] == ["buy milk", "what time is it"]
        assert await memory.search("kitchen", "%", 5) == []


async def test_a_device_that_is_revoked_takes_its_own_along(world: World) -> None:
    await world.registry.add("kitchen")
    async with world.memory(history=True) as memory:
        memory.take(turn("buy milk", "Noted."))
        await memory.prefer("kitchen", "name", "Anna")
        await memory.summarise("kitchen", "Shopping.")
        await world.registry.revoke("kitchen")
        told = await memory.recalled("kitchen")
        assert (told["exchanges"], told["summary"], told["preferences"]) == ([], "", {})


async def test_preferences_are_kept_without_history_and_forgotten_by_nothing(world: World) -> None:
    async with world.memory() as memory:
        assert await memory.prefer("kitchen", "units", "metric") == {"units": "metric"}
        assert (await memory.recalled("kitchen"))["preferences"] == {"units": "metric"}
        assert await memory.prefer("kitchen", "units", "") == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("colour", "red"), ("units", "furlongs"), ("name", "x" * 61), ("name", "a\nb"), ("voice", "robot")],
)
async def test_a_preference_that_can_not_be_is_refused(world: World, name: str, value: str) -> None:
    async with world.memory(voices=("cmu_us_slt",)) as memory:
        with pytest.raises(BadRequest):
            await memory.prefer("kitchen", name, value)
        assert await memory.preferences("kitchen") == {}
        assert await memory.prefer("kitchen", "voice", "cmu_us_slt") == {"voice": "cmu_us_slt"}
