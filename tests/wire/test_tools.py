import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.wire.tools import BY_NAME, TOOLS, checked, command_value, of_board, offered

DOCS = Path(__file__).parents[2] / "docs"
RELAY = {"name": "relay", "description": "A lamp.", "properties": '{"on":{"type":"boolean"}}'}


def test_a_device_that_says_what_it_has_is_offered_no_more() -> None:
    names = {tool.name for tool in offered(["display"], [])}
    assert "show_text" in names
    assert "set_light" not in names
    assert {tool.name for tool in offered(None, [])} == set(BY_NAME)


def test_what_a_board_adds_is_a_tool_as_well() -> None:
    relay = offered([], [of_board(RELAY)])[-1]
    assert relay.view()["parameters"] == {
        "type": "object",
        "properties": {"on": {"type": "boolean"}},
        "required": ["on"],
    }
    assert command_value(relay, checked(relay, {"on": True})) == {"on": True}


def test_all_that_a_schema_may_say_is_kept() -> None:
    schema = {"type": "string", "description": "Which?", "enum": ["a", "b", 1, True], "maxLength": 9}
    numbers = {"type": "number", "minimum": -1.5, "maximum": 2}
    properties = {"which": schema, "much": numbers}
    assert of_board({**RELAY, "properties": json.dumps(properties)})["properties"] == properties


def test_a_board_can_not_take_the_place_of_a_tool_that_is_there() -> None:
    own = of_board({**RELAY, "name": "set_volume"})
    assert [tool.command for tool in offered([], [own]) if tool.name == "set_volume"] == ["volume"]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "Relay"},
        {"name": "x" * 40},
        {"name": None},
        {"description": " "},
        {"properties": "{"},
        {"properties": "[" * 5_000},
        {"properties": '{"on":{"type":"object"}}'},
        {"properties": '{"on":{"type":"boolean","$ref":"x"}}'},
        {"properties": '{"on":{"type":["boolean"]}}'},
        {"properties": '{"on":{"type":"string","enum":' + "[" * 450 + "]" * 450 + "}}"},
        {"properties": '{"on":{"type":"string","enum":[]}}'},
        {"properties": '{"on":{"type":"string","enum":["\\ud800"]}}'},
        {"properties": '{"on":{"type":"string","enum":[{"a":1}]}}'},
        {"properties": '{"on":{"type":"integer","enum":' + str([*range(100)]) + "}}"},
        {"properties": '{"on":{"type":"string","description":"\\ud800"}}'},
        {"properties": '{"on":{"type":"string","description":["x"]}}'},
        {"properties": '{"on":{"type":"number","minimum":NaN}}'},
        {"properties": '{"on":{"type":"number","maximum":1e999}}'},
        {"properties": '{"on":{"type":"number","maximum":"1"}}'},
        {"properties": '{"on":{"type":"string","maxLength":-1}}'},
        {"description": "\ud800"},
        {"properties": str({f"p{n}": 1 for n in range(20)}).replace("'", '"')},
    ],
)
def test_what_is_no_tool_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        of_board({**RELAY, **changed})


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("set_volume", {}, "needs percent"),
        ("set_volume", {"percent": 101}, "from 0 to 100"),
        ("set_volume", {"percent": "loud"}, "of type integer"),
        ("set_volume", {"percent": True}, "of type integer"),
        ("mute", {"on": 1}, "of type boolean"),
        ("identify", {"x": 1}, "has no x"),
        ("announce", {"device": "k", "text": "x" * 2_000}, "too long"),
        ("announce", {"device": "k", "text": "\ud800"}, "surrogates"),
    ],
)
def test_arguments_out_of_bounds_are_refused(tool: str, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        checked(BY_NAME[tool], arguments)


def test_a_whole_number_may_come_with_a_point() -> None:
    assert checked(BY_NAME["set_volume"], {"percent": 40.0}) == {"percent": 40}


def test_the_documentation_names_each_tool_and_each_command() -> None:
    page = (DOCS / "tools-for-models.md").read_text()
    assert [tool.name for tool in TOOLS if f"`{tool.name}`" not in page] == []
    protocol = (DOCS / "protocol.md").read_text()
    assert [t.command for t in TOOLS if t.command and f"| `{t.command}` |" not in protocol] == []
