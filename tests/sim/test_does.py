"""An assistant with a language model does what is asked of it, aloud: `make does-demo`, looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import does_demo
from tests.support.home_assistant import HASS, house

pytest.importorskip("mcp", reason="the extra pipecat-ai[mcp] is not installed")


@pytest.mark.usefixtures("_built")
async def test_five_requests_are_done(tmp_path: Path) -> None:
    lines = await does_demo.show(tmp_path)
    assert len(lines) == len(does_demo.ASKED), lines
    light, timer, entry, weather, before = lines
    assert (light.did, light.said) == ("the relay is on", "Done: the relay is on.")
    assert '"kind": "timer"' in timer.did
    assert timer.said == "The timer is set."
    assert entry.did.startswith("added, 1")
    assert "does not answer" in weather.did
    assert weather.said.startswith("That did not work")
    assert before.before.lower() in before.said.lower(), "each was asked in a call of its own"
    assert before.did.startswith("looked up")
    assert "relay: on" in (tmp_path / "device.log").read_text()


@pytest.mark.usefixtures("_built")
@pytest.mark.skipif(HASS is None, reason="no Home Assistant is installed: docs/home-assistant.md")
async def test_a_real_home_assistant_switches_the_light_of_the_devices_own_area(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    async with house(tmp_path / "home") as home:
        [light] = await does_demo.show(tmp_path, home, requests=1)
        assert await home.state("light.hall_lamp") == "off"
    assert light.did == "Home Assistant's light.kitchen_lamp is on"
    assert light.said.startswith("Turned on the light")
