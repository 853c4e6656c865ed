"""What Home Assistant is told of a device over MQTT, and what it may tell it: discovery payloads and topics. Pure.

The form is of Home Assistant's MQTT discovery (home-assistant.io/integrations/mqtt): one retained message an entity.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway import __version__
from gateway.sections import MAKER

ONLINE, OFFLINE = "online", "offline"


@dataclass(frozen=True, slots=True)
class Entity:
    """One of a device's: `own` is what its kind needs; `there`: it only works while the device is in a call."""

    kind: str
    name: str
    own: Mapping[str, Any]
    state: bool = False
    command: bool = True
    there: bool = True


ENTITIES: Final[Mapping[str, Entity]] = {
    "there": Entity(
        "binary_sensor",
        "Connected",
        {"device_class": "connectivity", "payload_on": ONLINE, "payload_off": OFFLINE},
        state=True,
        command=False,
        there=False,
    ),
    "next": Entity(
        "sensor", "Next timer", {"device_class": "timestamp"}, state=True, command=False, there=False
    ),
    "volume": Entity("number", "Volume", {"min": 0, "max": 100, "unit_of_measurement": "%"}, state=True),
    "mute": Entity("switch", "Mute", {"icon": "mdi:volume-off"}, state=True),
    "say": Entity("notify", "Announce", {}, there=False),
    "speak": Entity("text", "Say", {"max": 255, "mode": "text", "icon": "mdi:bullhorn"}, there=False),
    "listen": Entity("button", "Listen", {"icon": "mdi:microphone-message"}),
    "identify": Entity("button", "Identify", {"device_class": "identify"}),
    "quiet": Entity("button", "Stop ringing", {"icon": "mdi:bell-off"}, there=False),
}
"""By the last part of their topics."""


@dataclass(frozen=True, slots=True)
class Known:
    """A device, as far as Home Assistant is told."""

    id: str
    name: str
    board: str | None = None
    fw: str | None = None


@dataclass(frozen=True, slots=True)
class Topics:
    """Where things are said. `base` is this gateway's, `prefix` Home Assistant's for discovery."""

    base: str
    prefix: str

    @property
    def status(self) -> str:
        """Whether the gateway is there: the broker says that it is not, when it is gone."""
        return f"{self.base}/status"

    @property
    def commands(self) -> str:
        """All that is told to any device."""
        return f"{self.base}/+/+/set"

    def of(self, device: str, what: str) -> str:
        """The state of one thing of a device."""
        return f"{self.base}/{device}/{what}"

    def command(self, topic: str) -> tuple[str, str] | None:
        """The device and the entity that a command is for; `None` if it is none."""
        parts = topic.removeprefix(f"{self.base}/").split("/")
        return (parts[0], parts[1]) if len(parts) == 3 and parts[1] in ENTITIES else None

    def discovery(self, known: Known, what: str) -> str:
        """Where an entity is made known."""
        return f"{self.prefix}/{ENTITIES[what].kind}/{self.node(known)}/{what}/config"

    def node(self, known: Known) -> str:
        """What identifies a device for Home Assistant, whatever it is called."""
        return re.sub(r"[^A-Za-z0-9_-]", "_", f"{self.base}_{known.id}")


def discovered(topics: Topics, known: Known) -> dict[str, dict[str, Any]]:
    """What makes a device known: by topic, each entity's configuration."""
    return {topics.discovery(known, what): _config(topics, known, what) for what in ENTITIES}


def _config(topics: Topics, known: Known, what: str) -> dict[str, Any]:
    entity = ENTITIES[what]
    topic = topics.of(known.name, what)
    availability = [{"topic": topics.status}]
    if entity.there:
        availability.append({"topic": topics.of(known.name, "there")})
    return {
        "name": entity.name,
        "unique_id": f"{topics.node(known)}_{what}",
        "availability": availability,
        "availability_mode": "all",
        **({"state_topic": topic} if entity.state else {}),
        **({"command_topic": f"{topic}/set"} if entity.command else {}),
        **entity.own,
        "device": {
            "identifiers": [topics.node(known)],
            "name": known.name,
            "manufacturer": MAKER,
            **({"model": known.board} if known.board else {}),
            **({"sw_version": known.fw} if known.fw else {}),
        },
        "origin": {"name": "voicegw", "sw_version": __version__},
    }
