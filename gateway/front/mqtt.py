"""Each device in Home Assistant, by MQTT discovery: its state is published, and what is commanded is done."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from loguru import logger

from gateway.errors import BadRequest, ConfigError, GatewayError
from gateway.front.entities import ENTITIES, OFFLINE, ONLINE, Known, Topics, discovered
from gateway.front.promises import Promises
from gateway.front.registry import Registry, Role
from gateway.front.switchboard import Switchboard
from gateway.front.telemetry import Telemetry
from gateway.front.tools import Tools
from gateway.recurring import Recurring
from gateway.sections import Mqtt
from gateway.wire.promises import MAX_SPOKEN, Wish
from ground import installing

if TYPE_CHECKING:
    from aiomqtt import Client

AGAIN_SECONDS: Final = 5.0
LEAVE_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 5.0
"""How often it is looked who has a key now: that changes without an event."""
_MATTERS: Final = frozenset({"session", "ended", "arrived", "promise"})


class HomeAssistantDevices:
    """Keeps a broker to what the gateway knows.

    Args:
        settings: where the broker is.
        environment: where its password is.
        gateway_id: that of this gateway, which its topics have.
        registry: which devices there are.
        switchboard: which are there.
        telemetry: what happens.
        promises: their timers.
        tools: what can be done with them.

    Raises:
        ConfigError: the client is not installed, or there is no password where one is named.
    """

    def __init__(  # noqa: PLR0913 -- the parts that it joins, by name
        self,
        settings: Mqtt,
        environment: Mapping[str, str],
        *,
        gateway_id: str,
        registry: Registry,
        switchboard: Switchboard,
        telemetry: Telemetry,
        promises: Promises,
        tools: Tools,
    ) -> None:
        if find_spec("aiomqtt") is None:
            raise ConfigError(
                "the client for [mqtt] is not installed", remedy=installing.line("aiomqtt>=2.3,<3")
            )
        self._settings = settings
        self._password = environment.get(settings.password_env) or None
        if settings.username and self._password is None:
            raise ConfigError(
                "[mqtt] has a username and no password", remedy=f"set {settings.password_env} to it"
            )
        self._topics = Topics(f"voicegw/{gateway_id}", settings.prefix)
        self._registry = registry
        self._switchboard = switchboard
        self._telemetry = telemetry
        self._promises = promises
        self._tools = tools
        self._published: dict[str, str] = {}
        self._set: dict[str, str] = {}
        """What devices were told last, by topic: they do not say it by themselves."""

    async def run(self) -> None:
        """Serve the broker, again and again, until cancelled."""
        from aiomqtt import Client, MqttError, Will  # noqa: PLC0415 -- an extra

        own = self._settings
        trouble = Recurring(
            f"the MQTT broker at {own.host}:{own.port} can't be used",
            and_now="devices are not in Home Assistant until it can",
        )
        while True:
            try:
                async with Client(
                    own.host,
                    own.port,
                    username=own.username,
                    password=self._password,
                    will=Will(self._topics.status, OFFLINE, qos=1, retain=True),
                    tls_context=ssl.create_default_context() if own.tls else None,
                ) as client:
                    trouble.over()
                    logger.info("devices are shown in Home Assistant by {}:{}", own.host, own.port)
                    await self._serve(client)
            except (MqttError, OSError) as error:
                trouble.met(str(error))
            await asyncio.sleep(AGAIN_SECONDS)

    async def _serve(self, client: Client) -> None:
        self._published.clear()
        await client.subscribe([(self._topics.commands, 1), (self._topics.status, 1)])
        following = asyncio.create_task(self._follow(client), name="mqtt-follow")
        try:
            await client.publish(self._topics.status, ONLINE, qos=1, retain=True)
            async for message in client.messages:
                payload = (
                    message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
                )
                if str(message.topic) == self._topics.status:
                    if payload != ONLINE.encode():  # a connection of before was missed by the broker only now
                        await client.publish(self._topics.status, ONLINE, qos=1, retain=True)
                elif not message.retain:  # else it is of a command that was meant for another time
                    await self._obey(client, str(message.topic), payload)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            with contextlib.suppress(Exception):  # whatever the connection has died of
                async with asyncio.timeout(LEAVE_SECONDS):
                    await client.publish(self._topics.status, OFFLINE, qos=1, retain=True)

    # -- what is said of devices

    async def _follow(self, client: Client) -> None:
        """Tell of what happens, as it happens; a queue ends where it has lagged behind too far."""
        trouble = Recurring("Home Assistant can't be told of devices", level="ERROR")
        while True:
            with self._telemetry.listening() as events:
                more = True
                while more:
                    try:
                        await self._tell(client)
                        trouble.over()
                    except GatewayError as error:
                        trouble.met(error.message)
                    more = await _something(events)

    async def _tell(self, client: Client) -> None:
        """Publish what is not as it was published last."""
        wanted = await self._wanted()
        for topic, payload in wanted.items():
            if self._published.get(topic) != payload:
                await client.publish(topic, payload, qos=1, retain=True)
                self._published[topic] = payload

    async def _wanted(self) -> dict[str, str]:
        """All topics with what is to stand there; nothing where a device is known no more."""
        live = self._switchboard.devices_live()
        wanted: dict[str, str] = {}
        for device in await self._registry.all():
            if device.role is not Role.DEVICE:
                continue
            known = Known(device.id, device.name, device.board, device.fw)
            gone = device.revoked_at is not None
            for topic, config in discovered(self._topics, known).items():
                wanted[topic] = "" if gone else json.dumps(config)
            wanted |= {} if gone else self._states(device.name, there=device.name in live)
        return {**self._emptied(wanted), **wanted}

    def _emptied(self, wanted: dict[str, str]) -> dict[str, str]:
        """What was said of devices that are in the registry no more."""
        return {topic: "" for topic in self._published if topic not in wanted and topic.endswith("/config")}

    def _states(self, device: str, *, there: bool) -> dict[str, str]:
        promised = [p for p in self._promises.of(device) if p["kind"] != "say" and not p["missed"]]
        due = str(promised[0]["due"]) if promised else "None"  # what Home Assistant takes for unknown
        found = {
            self._topics.of(device, "there"): ONLINE if there else OFFLINE,
            self._topics.of(device, "next"): due,
        }
        for what in ("volume", "mute"):
            topic = self._topics.of(device, what)
            if topic in self._set:
                found[topic] = self._set[topic]
        return found

    # -- what devices are told

    async def _obey(self, client: Client, topic: str, payload: bytes) -> None:
        found = self._topics.command(topic)
        if found is None:
            return
        device, what = found
        try:
            await self._tools.must_know(device)
            await self._do(device, what, payload.decode(errors="replace"))
        except GatewayError as error:
            logger.warning("Home Assistant wants {} of {}, and: {}", what, device, error.message)
        else:
            await self._tell(client)

    async def _do(self, device: str, what: str, value: str) -> None:
        """Do what an entity is told. Raises GatewayError where it is not done."""
        match what:
            case "volume":
                await self._tools.run(device, "set_volume", {"percent": _number(value)})
                self._set[self._topics.of(device, what)] = str(_number(value))
            case "mute":
                await self._tools.run(device, "mute", {"on": value == "ON"})
                self._set[self._topics.of(device, what)] = "ON" if value == "ON" else "OFF"
            case "say" | "speak":
                if not value.strip():
                    raise BadRequest("there is nothing to say")
                await self._tools.say(device, Wish(kind="say", text=value[:MAX_SPOKEN]))
            case "listen":
                await self._switchboard.wake(device)
            case "identify":
                await self._tools.run(device, "identify", {})
            case "quiet":
                await self._promises.quiet(device)
            case _:
                assert what in ENTITIES


def _number(value: str) -> int:
    try:
        return round(float(value))
    except (ValueError, OverflowError):
        raise BadRequest(f"{value[:20]!r} is no number") from None


async def _something(events: asyncio.Queue[tuple[str, dict[str, Any]] | None]) -> bool:
    """Wait until something happens that matters here, or for a while; whether there will be more."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            while (event := await events.get()) is not None:
                if event[0] in _MATTERS:
                    return True
            return False
    return True
