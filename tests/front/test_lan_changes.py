"""mDNS on a machine whose LAN comes and goes, and whose name may be anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from unittest import mock

import pytest
from zeroconf import BadTypeInNameException

from gateway import settings
from gateway.errors import ConfigError
from gateway.front import discovery
from gateway.front.discovery import Announcer, Found
from gateway.front.running import MAX_ON_LAN, running
from gateway.settings import Settings
from tests.support.waiting import until


@pytest.mark.parametrize("name", ["", "x" * 64, "ü" * 32, "a\nb"])
def test_a_name_that_mdns_cannot_carry_is_refused_at_start_up(name: str) -> None:
    with pytest.raises(ConfigError, match=r"setting name: .* 1 to 63 bytes"):
        settings.load(None, {"name": name})


def test_a_host_name_of_any_length_will_do() -> None:
    with mock.patch("socket.gethostname", return_value="x" * 64):
        assert settings.load(None).name == "x" * 63


async def test_an_announcement_that_fails_is_tried_again() -> None:
    announcer = Announcer(
        name="gateway",
        instance_id="1",
        port=1,
        addresses=lambda: ["127.0.0.1"],
        load=lambda: 0.0,
        pin="0" * 64,
    )
    failing = mock.AsyncMock(side_effect=BadTypeInNameException)
    with (
        mock.patch("gateway.front.announcing.Link._register", failing),
        mock.patch.object(discovery, "REFRESH_SECONDS", 0.01),
    ):
        task = asyncio.create_task(announcer.run())
        await until(lambda: failing.await_count > 1, "it is tried again")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_devices_are_heard_of_on_a_lan_that_comes_later_and_changes(tmp_path: Path) -> None:
    lan: list[str] = []
    listened: list[list[str]] = []

    @asynccontextmanager
    async def browse(
        _service: str, on_change: Callable[[str, Found | None], None], addresses: list[str]
    ) -> AsyncIterator[None]:
        listened.append(addresses)
        on_change("kitchen", Found("kitchen", addresses[0], 0, {}))
        yield

    own = Settings(in_process=True, bot="echo", data_dir=tmp_path)
    with (
        mock.patch.object(discovery, "browse", browse),
        mock.patch.object(discovery, "REFRESH_SECONDS", 0.01),
        mock.patch.object(Announcer, "run", mock.AsyncMock()),
    ):
        async with running(own, port=0, lan=lambda: list(lan)) as gateway:
            for address in ("192.168.1.5", "10.0.0.5"):
                lan[:] = [address]
                await until(lambda a=address: [a] in listened, f"it listens on {address}")  # type: ignore[misc]
                assert gateway.on_lan["kitchen"].address == address


async def test_strangers_are_bounded_and_say_nothing_that_a_terminal_heeds(tmp_path: Path) -> None:
    @asynccontextmanager
    async def browse(
        _service: str, on_change: Callable[[str, Found | None], None], _addresses: list[str]
    ) -> AsyncIterator[None]:
        for number in range(20_000):
            texts = {f"k{i}": "\x1b[31m" + "x" * 300 for i in range(20)}
            on_change(f"\x1b]0;{number}", Found(f"\x1b]0;{number}", "10.0.0.9", 9, texts))
        on_change("kitchen", Found("kitchen", "10.0.0.9", 9, {}))
        yield

    own = Settings(in_process=True, bot="echo", data_dir=tmp_path)
    with (
        mock.patch.object(discovery, "browse", browse),
        mock.patch.object(Announcer, "run", mock.AsyncMock()),
    ):
        async with running(own, port=0, lan=lambda: ["10.0.0.5"]) as gateway:
            await gateway.registry.add("kitchen")
            await until(lambda: len(gateway.on_lan) > 0, "they are heard of")
            assert len(gateway.on_lan) == MAX_ON_LAN
            shown = str([f"{f.name}{f.properties}" for f in gateway.on_lan.values()])
            assert "x1b" not in shown
            assert len(shown) < MAX_ON_LAN * 2_000
            [kitchen] = [d for d in await gateway.describe_devices() if d["name"] == "kitchen"]
            assert kitchen["online"] is False  # that mDNS says so makes it nobody
