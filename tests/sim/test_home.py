"""A device in a real Home Assistant, and that one's Assist in the device: with Debian's mosquitto between them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.broker import MOSQUITTO, NAME, PASSWORD, broker
from tests.support.device import Device, device
from tests.support.does_demo import answered, write
from tests.support.gateway import GatewayProcess, serving, voicegw
from tests.support.home_assistant import HASS, House, house

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed")
pytestmark = [
    pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed"),
    pytest.mark.skipif(HASS is None, reason="no Home Assistant is installed: docs/home-assistant.md"),
]


@dataclass(frozen=True, slots=True)
class At:
    """A Home Assistant, a gateway that is its Assist's ears and voice, and the key of a device in both."""

    home: House
    gateway: GatewayProcess
    key: str
    folder: Path

    @contextlib.asynccontextmanager
    async def device(self, *arguments: str) -> AsyncIterator[Device]:
        """The device, in a call."""
        url = self.gateway.secure_url
        async with device(self.folder / "device", *arguments, url=url, key=self.key) as own:
            await own.live()
            yield own
        await self.gateway.idle()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def at(_built: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[At]:
    folder = tmp_path_factory.mktemp("home")
    async with contextlib.AsyncExitStack() as stack:
        (folder / "hass").mkdir()
        home = await stack.enter_async_context(house(folder / "hass"))
        own_broker = await stack.enter_async_context(broker(folder))
        await home.add_mqtt(own_broker.port, NAME, PASSWORD)
        settings = {
            "bot": "home_assistant",
            "home_assistant": {"url": home.url},
            "mqtt": {"host": "127.0.0.1", "port": own_broker.port, "username": NAME},
        }
        secrets = {"MQTT_PASSWORD": PASSWORD, "HOME_ASSISTANT_TOKEN": home.token}
        gateway = await stack.enter_async_context(serving(folder / "gateway", settings, extra=secrets))
        config = str(folder / "gateway" / "voicegw.toml")
        made = voicegw("devices", "--config", config, "add", "porch", "--json")
        yield At(home, gateway, json.loads(made.stdout)["key"], folder)


async def test_home_assistant_shows_a_device_and_commands_it(at: At) -> None:
    await at.home.becomes("binary_sensor.porch_connected", "off")
    assert await at.home.state("number.porch_volume") == "unavailable"
    async with at.device() as own:
        await at.home.becomes("binary_sensor.porch_connected", "on")
        await at.home.becomes("number.porch_volume", "unknown")
        await at.home.call("number.set_value", "number.porch_volume", value=35)
        await at.home.becomes("number.porch_volume", "35")
        assert (await own.ask("settings get volume"))["volume"] == "35"
        await at.home.call("text.set_value", "text.porch_say", value="Dinner is ready.")
        await own.sounds()
        await at.home.call("switch.turn_on", "switch.porch_mute")
        await at.home.becomes("switch.porch_mute", "on")
        for button in ("identify", "stop_ringing"):
            assert await at.home.state(f"button.porch_{button}") == "unknown", "it was never pressed"
        assert await at.home.state("sensor.porch_next_timer") == "unknown"
    await at.home.becomes("binary_sensor.porch_connected", "off")


async def test_a_device_is_one_thing_there_made_by_us(at: At) -> None:
    await at.home.becomes("binary_sensor.porch_connected", "off")
    found = await at.home.ask(type="config/device_registry/list")
    [own] = [thing for thing in found if thing["manufacturer"] == "voicegw"]
    assert own["name"] == "porch"


async def test_its_assist_does_what_is_said_to_the_device_in_the_devices_own_area(at: At) -> None:
    [own] = [d for d in await at.home.ask(type="config/device_registry/list") if d["name"] == "porch"]
    await at.home.ask(type="config/device_registry/update", device_id=own["id"], area_id="kitchen")
    question = at.folder / "question.wav"
    write(question, "turn on the light", after=3.0)
    async with at.device("--mic", str(question)):
        turn = await answered(at.gateway, len((await at.gateway.state())["turns"]))
        assert turn["user"] == "turn on the light"
        assert turn["bot"].startswith("Turned on the light"), turn
    assert await at.home.state("light.kitchen_lamp") == "on"
    assert await at.home.state("light.hall_lamp") == "off"


async def test_without_the_gateway_and_without_its_key_it_is_not_there(at: At) -> None:
    config = str(at.folder / "gateway" / "voicegw.toml")
    voicegw("devices", "--config", config, "add", "attic")
    await at.home.becomes("text.attic_say", "unknown")
    voicegw("devices", "--config", config, "revoke", "attic")
    await at.home.has_not("text.attic_say")
    assert await at.home.state("text.porch_say") != "unavailable"
    await at.gateway.stop()
    await at.home.becomes("text.porch_say", "unavailable")
