"""What crosses the bus: bounded, plain, and readable one version apart."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bus import crossing
from gateway.errors import BadRequest, Busy, NoAudio
from gateway.wire.calls import EndCall, KeptCall, OfferCall, PatchCall, Unreadable
from gateway.wire.headroom import Headroom
from gateway.wire.hosts import AllHeld, HostState
from gateway.wire.sdp import Client

OFFER = OfferCall(
    session_id="s",
    sdp="v=0",
    type="offer",
    client=Client.DEVICE,
    device="kitchen",
    bot="echo",
    address="",
    remote="",
)


def later(body: Mapping[str, object], version: int = crossing.VERSION + 1) -> bytes:
    """What a gateway of another version sends."""
    return json.dumps({"v": version, "body": body, "new": [1]}).encode()


def test_a_value_crosses_as_itself() -> None:
    assert crossing.read(crossing.pack(OFFER), OfferCall) == OFFER


def test_fields_of_a_later_version_are_left_out_at_every_depth() -> None:
    body = {
        "session_id": "s",
        "candidates": [{"candidate": "c", "component": 1}],
        "hurry": True,
    }
    found = crossing.read(later(body), PatchCall)
    assert found.candidates[0].candidate == "c"
    state = {"version": "9", "headroom": {"calls": 1, "most": 2, "gpu": 0.1}, "zone": "a"}
    assert crossing.read(later(state), HostState).headroom == Headroom(calls=1, most=2)


def test_a_value_without_the_fields_that_are_new_here_is_read() -> None:
    assert crossing.read(later({"calls": 0, "most": 3}, crossing.VERSION - 1), Headroom).cpu == 0.0


@pytest.mark.parametrize("version", [crossing.VERSION + 2, -1, "1", None, 1.0, True])
def test_other_versions_are_refused(version: object) -> None:
    with pytest.raises(Unreadable):
        crossing.unpack(json.dumps({"v": version, "body": {}}).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"v": 1}',
        b'{"v": 1, "body": []}',
        b"\xff",
        b'{"v": 1, "body": ' + b"[" * 200_000,
        b'{"v": 1, "body": {"x": ' + b'{"x": ' * 60 + b"1" + b"}" * 62,
        b'{"v": 1, "body": {"x": ' + b"[" * 450 + b"]" * 450 + b"}}",
        b'{"v": 1, "body": {"x": "' + b"a" * crossing.MAX_BYTES + b'"}}',
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        crossing.unpack(data)


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_message_or_a_refusal(data: bytes) -> None:
    try:
        EndCall.told(crossing.unpack(data))
    except Unreadable:
        return


def test_what_is_too_long_is_not_sent() -> None:
    with pytest.raises(BadRequest):
        crossing.pack({"x": "a" * crossing.MAX_BYTES})


def test_what_a_device_sends_stays_what_it_is() -> None:
    """Pipecat's bus would make an import of it."""
    data = {"__type__": "os.system", "__data__": {"command": "true"}}
    crossed = crossing.read(crossing.pack(OFFER.model_copy(update={"request_data": data})), OfferCall)
    assert crossed.request_data == data


def test_an_error_crosses_as_itself() -> None:
    with pytest.raises(NoAudio) as caught:
        crossing.answered(crossing.pack_error(NoAudio("no Opus", remedy="offer it")))
    assert (caught.value.message, caught.value.remedy) == ("no Opus", "offer it")
    with pytest.raises(Busy):
        crossing.answered(crossing.pack_error(Busy("full")))


@pytest.mark.parametrize("error", [[], "x", {"code": "busy"}, {"code": {}, "message": "", "remedy": ""}])
def test_an_error_that_is_none_is_refused(error: object) -> None:
    with pytest.raises(Unreadable):
        crossing.answered(later({"error": error}))


def test_three_hundred_calls_of_a_host_can_be_told() -> None:
    described = {"figures": {f"f{n}": n for n in range(60)}, "media": {"rtt_ms": 1.0}}
    call = KeptCall(
        session_id="a" * 16, pc_id="b" * 40, device="c" * 60, owner={"caller": {}}, described=described
    )
    assert len(crossing.pack(AllHeld(calls=[call] * 300))) <= crossing.MAX_BYTES


def test_brackets_in_a_text_are_no_nest() -> None:
    call = KeptCall(session_id="s", pc_id="p", device=None, owner={}, described={"tools": ["[{" * 60]})
    assert crossing.read(crossing.pack(AllHeld(calls=[call])), AllHeld).calls == [call]


def test_what_can_not_be_written_is_refused() -> None:
    call = EndCall.model_construct(session_id="s", reason="\ud800")
    with pytest.raises(BadRequest, match="can't be written"):
        crossing.pack(call)
