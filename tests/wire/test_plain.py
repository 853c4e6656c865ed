from __future__ import annotations

from typing import Any

import pytest

from gateway.wire.plain import MAX_DEPTH, fault


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize("value", [None, "é 😀", {"a": [1, 2.5, True]}, nested(MAX_DEPTH - 1)])
def test_what_can_be_handed_on(value: Any) -> None:
    assert fault(value) is None


@pytest.mark.parametrize(
    "value", ["\ud800", {"\ud800": 1}, [float("nan")], float("inf"), nested(MAX_DEPTH + 1)]
)
def test_what_can_not(value: Any) -> None:
    assert fault(value)


def test_bytes_are_counted_as_utf_8_has_them() -> None:
    assert fault("é" * 9, 20) is None
    assert fault("é" * 10, 20) == "22 bytes are more than 20"
