"""An assistant with a language model does what is asked of it, aloud: `make does-demo`, looked at."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.support import does_demo
from tests.support.home_assistant import HASS, house
from tests.support.home_recording import RECORDING, Exchange, played

pytest.importorskip("mcp", reason="the extra pipecat-ai[mcp] is not installed")
_LIT = f"Home Assistant's {does_demo.LAMP} is on"


@pytest.mark.usefixtures("_built")
async def test_five_requests_are_done(tmp_path: Path) -> None:
    async with played() as (home, _):
        lines = await does_demo.show(tmp_path, home)
    assert len(lines) == len(does_demo.ASKED), lines
    light, timer, entry, weather, before = lines
    assert (light.did, light.said) == (_LIT, "Turned on the lights")
    assert '"kind": "timer"' in timer.did
    assert timer.said == "The timer is set."
    assert entry.did.startswith("added, 1")
    assert "does not answer" in weather.did
    assert weather.said.startswith("That did not work")
    assert before.before.lower() in before.said.lower(), "each was asked in a call of its own"
    assert before.did.startswith("looked up")


async def test_a_recorded_home_says_nothing_that_was_not_said_or_not_asked_for() -> None:
    async with played() as (home, player):
        with pytest.raises(httpx.HTTPStatusError):
            await home.state(does_demo.LAMP)
        assert player.unknown == [f"GET /api/states/{does_demo.LAMP} {{}}"], "nobody has switched it on"


@pytest.mark.usefixtures("_built")
@pytest.mark.skipif(HASS is None, reason="no Home Assistant is installed: docs/home-assistant.md")
async def test_a_real_home_assistant_switches_the_light_of_the_devices_own_area(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    async with house(tmp_path / "home") as home:
        [light] = await does_demo.show(tmp_path, home, requests=1)
        assert await home.state("light.hall_lamp") == "off"
    assert light.did == _LIT
    assert light.said.startswith("Turned on the light")


@pytest.mark.skipif(HASS is None, reason="no Home Assistant is installed: docs/home-assistant.md")
async def test_a_real_one_says_what_is_recorded(tmp_path: Path) -> None:
    async with house(tmp_path) as home, httpx.AsyncClient(base_url=home.url, trust_env=False) as http:
        headers = {"Authorization": f"Bearer {home.token}"}
        for one in (Exchange(**e) for e in json.loads(RECORDING.read_text())):
            got = await http.request(one.method, one.path, json=one.asked or None, headers=headers)
            assert got.status_code == one.status
            telling = one.answer.keys() & {"message", "version", "state", "response"}
            assert {name: got.json()[name] for name in telling} == {n: one.answer[n] for n in telling}, one
