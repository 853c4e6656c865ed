from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.wire import messages

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def told(kind: str, d: Any, number: Any = 7) -> dict[str, Any]:
    return {"label": "rtvi-ai", "type": "client-message", "id": number, "data": {"t": kind, "d": d}}


def test_figures_are_numbers_of_known_names() -> None:
    report = messages.read(told("device-figures", {"heap_free": 142_000, "rssi": -61, "mood": "good"}))
    assert report == messages.Report("figures", 7, {"heap_free": 142_000, "rssi": -61})


@pytest.mark.parametrize("value", ["12", None, True, [], float("nan"), float("inf"), 2**60])
def test_a_figure_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest, match="heap_free"):
        messages.read(told("device-figures", {"heap_free": value}))


@pytest.mark.parametrize("message", ["ping", None, {}, {"data": 3}, {"data": {"t": "my-bots-own", "d": {}}}])
def test_what_is_no_report_is_left_to_the_bot(message: Any) -> None:
    assert messages.read(message) is None


@pytest.mark.parametrize("message", [told("device-crash", "text"), told("device-crash", {}, [1])])
def test_a_malformed_report_is_refused(message: Any) -> None:
    with pytest.raises(BadRequest, match="device-crash"):
        messages.read(message)


def test_a_text_is_short_and_printable() -> None:
    report = messages.read(told("device-crash", {"text": "pc\x1b[2J\n" + "x" * 5_000}))
    assert report is not None
    assert report.data["text"].startswith("pc [2J x")
    assert len(report.data["text"]) == messages.MAX_TEXT


def test_the_answer_to_a_crash_has_its_id() -> None:
    report = messages.read(told("device-crash", {"text": "abort()"}, "c1"))
    assert report is not None
    assert messages.received(report) == {
        "label": "rtvi-ai",
        "type": "server-response",
        "id": "c1",
        "data": {"t": "device-crash", "d": {}},
    }


@given(kind=st.sampled_from(["device-figures", "device-crash", "device-update", "device-clock"]), d=JSON)
def test_no_body_does_worse_than_be_refused(kind: str, d: Any) -> None:
    try:
        report = messages.read(told(kind, d))
    except BadRequest:
        return
    assert report is not None
    assert all(not isinstance(value, dict | list) for value in report.data.values())


def test_what_a_device_reports_can_be_told_on() -> None:
    report = messages.read(told("device-crash", {"\ud800": "\udc00", "big": 10**400, "inf": float("inf")}))
    assert report is not None
    assert report.data == {" ": " "}


# -- what a small device can take


@pytest.mark.parametrize("letter", ["a", "é", "字", "😀", '"', "\ud800"])
def test_a_long_text_is_cut_to_what_fits(letter: str) -> None:
    message = {
        "label": "rtvi-ai",
        "type": "user-transcription",
        "data": {"text": letter * 3_000, "final": True},
    }
    text = messages.fitted(message, 1_200)
    assert text is not None
    found = json.loads(text)
    assert 1_180 < len(text.encode()) <= 1_200
    assert found["data"].pop("text") == letter * (len(json.loads(text)["data"]["text"]) - 1) + "…"
    assert {**found, "data": {"final": True}} == {**message, "data": {"final": True}}


def test_what_fits_stays_as_it_is() -> None:
    message = {"data": {"text": "字" * 380}}
    assert json.loads(messages.fitted(message, 1_200) or "") == message


@pytest.mark.parametrize(
    "message", [{"data": {"x": "a" * 1_200}}, "a" * 1_200, {"data": {"text": "a", "x": "a" * 1_200}}]
)
def test_what_has_no_text_to_cut_does_not_fit(message: object) -> None:
    assert messages.fitted(message, 1_200) is None


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (messages.command("volume", 90), True),
        (messages.command("alert", 50), True),
        (messages.command("mute", True), True),
        (messages.command("led", 5), False),
        (messages.attention("heard"), False),
        ({"data": "volume"}, False),
        ("volume", False),
    ],
)
def test_a_command_after_which_a_device_is_louder_or_quieter(message: object, changes: bool) -> None:
    assert messages.changes_loudness(message) is changes
