"""A device whose bot takes its time: it is in its call, is told to wait, and is heard once the bot is there."""

from __future__ import annotations

from pathlib import Path

from tests.support.device import Device, device
from tests.support.gateway import BOTS, serving
from tests.support.peer import calling, gaps
from tests.support.waiting import eventually

LONGEST_GAP = 1.0
"""Seconds; the shared machine's doing."""
SLOW = "0123456789ab"
SETTINGS = {"bots": {SLOW: str(BOTS / "waits_for_a_file.py")}}


async def shows(own: Device, state: str) -> None:
    async def shown() -> bool:
        return bool((await own.ask("display"))["state"] == state)

    await eventually(shown, f"its display says {state!r}")


async def test_a_bot_that_blocks_is_waited_for_and_nobody_else_waits(tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    async with serving(tmp_path / "gateway", SETTINGS, extra={"WAITS_FOR": str(loaded)}) as gateway:
        async with (
            calling(gateway.url, hertz=880, request_data={"device": {"id": "other"}}) as other,
            device(tmp_path / "device", "--id", SLOW, url=gateway.url) as own,
        ):
            await own.live()
            await other.hears()
            before = other.ear.seconds
            await shows(own, "One moment")
            await other.heard_more(1)
            assert own.states()[-1] == "live"
            assert gaps(other.ear.since(before), 880) <= LONGEST_GAP + other.late
            loaded.touch()
            await shows(own, "Listening")
            await own.hears(500)
        assert "bot_failed" not in gateway.log()


async def test_what_is_too_long_to_be_shown_is_cut_between_letters(tmp_path: Path) -> None:
    async with device(tmp_path) as own:
        for text in ("\N{LATIN SMALL LETTER E WITH ACUTE}" * 60, "x" + "\N{HOT BEVERAGE}" * 40):
            await own.ask(f'do show "{text}"')
            shown = (await own.ask("display"))["bot"]
            assert shown
            assert text.endswith(shown)  # the last words, as on a panel
