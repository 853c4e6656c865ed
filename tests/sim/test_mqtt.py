"""A device in Home Assistant: a real broker, gateway and simulated device; Home Assistant is an MQTT client."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.cli import talk
from tests.support.broker import MOSQUITTO, NAME, PASSWORD, Broker, broker
from tests.support.device import device
from tests.support.gateway import ROOT, GatewayProcess, serving, voicegw
from tests.support.waiting import until

aiomqtt = pytest.importorskip("aiomqtt", reason="aiomqtt is not installed")
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


@dataclass
class Home:
    """What a Home Assistant would see at its broker."""

    client: Any
    gateway: GatewayProcess
    key: str
    config: str
    retained: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)

    async def listen(self) -> None:
        """Keep what is said."""
        async for message in self.client.messages:
            self.retained[str(message.topic)] = message.payload.decode()
            self.said.append((str(message.topic), message.payload.decode()))

    def entity(self, what: str) -> dict[str, Any]:
        """The configuration of an entity of the device."""
        [found] = [v for k, v in self.retained.items() if k.endswith(f"/{what}/config") and v]
        config: dict[str, Any] = json.loads(found)
        return config

    async def known(self) -> None:
        """Wait until the device is."""
        await until(lambda: any(k.endswith("/volume/config") for k in self.retained), "the device is known")

    async def settled(self) -> str:
        """Wait until all is said of a gateway whose device is away; gives the topic of whether it is there."""
        await self.known()
        await self.state("there", "offline")
        status: str = self.entity("there")["availability"][0]["topic"]
        await until(lambda: self.retained.get(status) == "online", "the gateway is there")
        await until(lambda: self.entity("next")["state_topic"] in self.retained, "its timers are told")
        return status

    async def state(self, what: str, value: str) -> None:
        """Wait until an entity has this state."""
        topic = self.entity(what)["state_topic"]
        await until(
            lambda: self.retained.get(topic) == value, f"{what} is {value}: {self.retained.get(topic)}"
        )

    async def tell(self, what: str, value: str) -> None:
        """Command it, as Home Assistant does."""
        await self.client.publish(self.entity(what)["command_topic"], value)


@pytest_asyncio.fixture
async def home(_built: None, tmp_path: Path) -> AsyncIterator[Home]:
    async with contextlib.AsyncExitStack() as stack:
        at: Broker = await stack.enter_async_context(broker(tmp_path))
        mqtt = {"host": "127.0.0.1", "port": at.port, "username": NAME}
        settings = {"mqtt": mqtt, "wake": "button"}
        gateway = await stack.enter_async_context(
            serving(tmp_path / "gateway", settings, extra={"MQTT_PASSWORD": PASSWORD})
        )
        client = await stack.enter_async_context(
            aiomqtt.Client("127.0.0.1", at.port, username=NAME, password=PASSWORD)
        )
        await client.subscribe("#", qos=1)
        config = str(tmp_path / "gateway" / "voicegw.toml")
        made = voicegw("devices", "--config", config, "add", "kitchen", "--json")
        found = Home(client, gateway, json.loads(made.stdout)["key"], config)
        listening = asyncio.create_task(found.listen())
        yield found
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_a_device_is_shown_commanded_and_gone_with_its_key(home: Home, tmp_path: Path) -> None:
    await home.known()
    await home.state("there", "offline")
    async with device(tmp_path / "device", url=home.gateway.secure_url, key=home.key) as own:
        await own.live()
        await home.state("there", "online")

        await home.tell("volume", "35")
        await home.state("volume", "35")
        assert (await own.ask("settings get volume"))["volume"] == "35"
        await home.tell("volume", "loud")  # is refused, and nothing ends
        await home.tell("say", "Dinner is ready.")
        await own.sounds()
        await home.tell("mute", "ON")
        await home.state("mute", "ON")
        await home.tell("listen", "PRESS")
        voicegw("devices", "--config", home.config, "revoke", "kitchen")
        await until(
            lambda: all(not v for k, v in home.retained.items() if k.endswith("/config")), "it is no more"
        )


async def test_a_timer_is_shown_and_the_gateway_says_when_it_leaves(home: Home) -> None:
    await home.known()
    voicegw("devices", "promises", "kitchen", "--url", home.gateway.url)
    status = home.entity("there")["availability"][0]["topic"]
    await until(lambda: home.retained.get(status) == "online", "the gateway is there")
    await home.gateway.stop()
    await until(lambda: home.retained.get(status) == "offline", "the gateway is gone")


async def test_what_the_broker_says_late_of_an_earlier_connection_does_not_stand(home: Home) -> None:
    """As after a power cut: the broker misses the gateway of before when the next one is there already."""
    status = await home.settled()
    home.said.clear()
    await home.client.publish(status, "offline", qos=1, retain=True)
    await until(lambda: home.retained[status] == "online" and bool(home.said), "it is there still")
    assert home.said == [(status, "offline"), (status, "online")]


async def test_a_gateway_for_one_question_speaks_for_no_device_of_another(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make talk` beside `make run`, which have the same settings and the same data."""
    status = await home.settled()
    home.said.clear()
    monkeypatch.chdir(home.gateway.directory)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MQTT_PASSWORD", PASSWORD)
    async with talk.own_gateway(lambda _: None) as url:
        assert url != home.gateway.url
    await home.client.publish("over", "", qos=1)
    await until(lambda: ("over", "") in home.said, "all before it is heard")
    assert home.said == [("over", "")]
    assert home.retained[status] == "online"


@pytest.mark.usefixtures("_built")
async def test_a_broker_that_refuses_is_named_and_nothing_else_fails(tmp_path: Path) -> None:
    async with broker(tmp_path) as at:
        mqtt = {"host": "127.0.0.1", "port": at.port, "username": NAME}
        async with serving(tmp_path / "gateway", {"mqtt": mqtt}, extra={"MQTT_PASSWORD": "wrong"}) as gateway:
            await gateway.logged(f"the MQTT broker at 127.0.0.1:{at.port} can't be used")
            assert (await gateway.state())["version"]


def test_a_name_without_a_password_is_named_at_start_up(tmp_path: Path) -> None:
    config = tmp_path / "voicegw.toml"
    config.write_text(f'data_dir = "{tmp_path}"\nbot = "echo"\n[mqtt]\nhost = "127.0.0.1"\nusername = "x"\n')
    ended = voicegw("serve", "--host", "127.0.0.1", "--port", "0", "--config", str(config))
    assert ended.returncode == 2
    assert "set MQTT_PASSWORD" in ended.stdout + ended.stderr
