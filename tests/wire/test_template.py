"""The messages between media, the template and its children."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError, GatewayError
from gateway.wire.calls import BotJob, Exit
from gateway.wire.template import (
    MAX_LINE,
    Birth,
    Exited,
    Failed,
    Fault,
    Fork,
    Forked,
    Lines,
    Loaded,
    Loading,
    Message,
    Prepared,
    Raised,
    Ready,
    Refused,
    Signal,
    Start,
    TemplateError,
    Work,
    encode,
)

JOB = BotJob(session_id="s", bot="echo", body={"a": [1, None]}, device=None, pc_id="p")
FAULT = Fault(code="config", message="there is no model", remedy="install it\nand try again")
MESSAGES: list[Message] = [
    Start(settings={"port": 1}, worker=0, bots=["echo"]),
    Fork(number=1, job=JOB),
    Signal(number=1, name="SIGTERM"),
    Loading(bot="echo"),
    Loaded(bot="echo"),
    Ready(bot="echo"),
    Failed(bot="echo", fault=FAULT),
    Forked(number=1, pid=2),
    Refused(number=1, fault=FAULT),
    Exited(number=1, exit=Exit(how="killed", detail="SIGSEGV")),
    Birth(settings={}, worker=0, bot="echo", runner="r", role="engines"),
    Work(job=JOB, environment={"VOICEGW_X": "ä"}),
    Prepared(environment={}),
    Raised(detail="d", fault=FAULT, lasting=True),
]


def test_a_message_of_each_kind_is_here() -> None:
    assert {type(m) for m in MESSAGES} == set(Message.__args__)


@given(st.integers(1, 40))
def test_messages_come_whole_however_they_are_cut(size: int) -> None:
    data = b"".join(encode(m) for m in MESSAGES)
    lines = Lines()
    found = [m for i in range(0, len(data), size) for m in lines.take(data[i : i + size])]
    assert found == MESSAGES


def test_descriptors_wait_for_who_takes_them_in_order() -> None:
    lines = Lines()
    lines.take(encode(MESSAGES[1]), [7, 8])
    lines.take(encode(MESSAGES[1]), [9, 10])
    assert list(lines.descriptors) == [7, 8, 9, 10]


@given(st.binary(max_size=200))
def test_what_is_no_message_is_a_typed_error(data: bytes) -> None:
    with pytest.raises(TemplateError):
        Lines().take(b"x" + data + b"\n")


@pytest.mark.parametrize("line", [b'{"kind":"forked","number":1}', b'{"kind":"odd"}', b"[]", b"[" * 100_000])
def test_a_message_that_is_not_right_is_a_typed_error(line: bytes) -> None:
    with pytest.raises(TemplateError):
        Lines().take(line + b"\n")


def test_a_line_without_end_is_a_typed_error() -> None:
    lines = Lines()
    lines.take(b"x" * MAX_LINE)
    with pytest.raises(TemplateError):
        lines.take(b"x")


def test_an_error_crosses_as_itself() -> None:
    error = Fault.of(ConfigError("there is no model", remedy="install it")).error()
    assert type(error) is ConfigError
    assert (error.message, error.remedy) == ("there is no model", "install it")


def test_an_error_of_a_kind_that_is_not_known_is_one_of_ours() -> None:
    assert type(Fault(code="odd", message="m").error()) is GatewayError
