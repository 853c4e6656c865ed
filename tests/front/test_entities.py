"""What Home Assistant is told of a device over MQTT: discovery payloads by its documented form."""

from __future__ import annotations

import json

import pytest

from gateway.front.entities import ENTITIES, Known, Topics, discovered

TOPICS = Topics("voicegw/0123abcd", "homeassistant")
KITCHEN = Known("d1", "kitchen.left", "esp32-s3-box-3", "0.1.0")


def test_each_entity_has_a_topic_of_discovery_and_an_id_of_its_own() -> None:
    found = discovered(TOPICS, KITCHEN)
    assert len(found) == len(ENTITIES)
    assert "homeassistant/number/voicegw_0123abcd_d1/volume/config" in found
    assert len({config["unique_id"] for config in found.values()}) == len(found)
    assert all(json.dumps(config) for config in found.values())


def test_topics_of_discovery_have_only_what_home_assistant_takes() -> None:
    for topic in discovered(TOPICS, Known("d/1 é", "x")):
        prefix, kind, node, what, config = topic.split("/")
        assert (prefix, config) == ("homeassistant", "config")
        assert all(
            part.replace("_", "").replace("-", "").isalnum() and part.isascii() for part in (kind, node, what)
        )


def test_all_are_of_one_device_and_unavailable_without_the_gateway() -> None:
    configs = discovered(TOPICS, KITCHEN).values()
    [device] = {json.dumps(config["device"], sort_keys=True) for config in configs}
    assert json.loads(device) == {
        "identifiers": ["voicegw_0123abcd_d1"],
        "manufacturer": "voicegw",
        "model": "esp32-s3-box-3",
        "name": "kitchen.left",
        "sw_version": "0.1.0",
    }
    assert all({"topic": "voicegw/0123abcd/status"} in config["availability"] for config in configs)


def test_what_needs_the_device_is_unavailable_while_that_is_away() -> None:
    found = {topic.split("/")[3]: config for topic, config in discovered(TOPICS, KITCHEN).items()}
    there = {"topic": "voicegw/0123abcd/kitchen.left/there"}
    assert {what for what, config in found.items() if there in config["availability"]} == {
        "volume",
        "mute",
        "listen",
        "identify",
    }


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("voicegw/0123abcd/kitchen.left/volume/set", ("kitchen.left", "volume")),
        ("voicegw/0123abcd/kitchen.left/reboot/set", None),
        ("voicegw/0123abcd/kitchen/left/volume/set", None),
        ("voicegw/0123abcd/status", None),
    ],
)
def test_a_command_is_read_off_its_topic(topic: str, found: tuple[str, str] | None) -> None:
    assert TOPICS.command(topic) == found
