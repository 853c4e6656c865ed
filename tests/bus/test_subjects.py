"""What is said where; and that a host's permissions are of its own alone."""

from __future__ import annotations

import fnmatch
import json
import re

import pytest

from gateway.bus import subjects, trust
from gateway.bus.subjects import HostId


def covers(permitted: list[str], subject: str) -> bool:
    """As NATS matches: `*` is one part, `>` all that follows."""
    patterns = (re.escape(p).replace(r"\*", "[^.]+").replace(">", ".+") for p in permitted)
    return any(re.fullmatch(pattern, subject) for pattern in patterns)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("host 1", "host-1"),
        ("a.b", "a-b"),
        ("", "unnamed"),
        ("…", "unnamed"),
        ("x" * 99, "x" * 48),
        ("*>", "unnamed"),
    ],
)
def test_any_name_is_one_part_of_a_subject(text: str, made: str) -> None:
    assert subjects.token(text) == made


def test_a_host_is_told_by_the_subject_of_what_it_says() -> None:
    who = HostId("h1", "abcd")
    for subject in (who.state, who.event, who.ask):
        assert subjects.sender(subject) == who


def test_a_host_says_and_hears_what_is_its_own() -> None:
    sends, hears = subjects.of_host("h1")
    own, other = HostId("h1", "1"), HostId("h2", "1")
    for subject in (own.state, own.event, own.ask):
        assert covers(sends, subject)
    assert covers(hears, subjects.asked(str(own), "end"))
    assert covers(hears, f"{subjects.place(3)} {subjects.HOSTS}")
    assert not covers(hears, subjects.place(3))  # beside the others, which is to overhear them
    for foreign in (
        other.state,
        other.event,
        subjects.place(3),
        subjects.asked(str(other), "end"),
        subjects.TELLINGS,
    ):
        assert not covers(sends, foreign)
    assert not covers(hears, subjects.asked(str(other), "end"))
    for kept in ("$KV.voicegw_devices.x", "$JS.API.STREAM.MSG.GET.KV_voicegw_devices"):
        assert not covers(sends, kept)
        assert not covers(hears, kept)


def test_a_front_may_say_and_hear_all_that_it_does() -> None:
    sends, hears = subjects.of_front("f1")
    host = HostId("h1", "1")
    assert all(
        covers(sends, s) for s in (subjects.place(0), subjects.asked(str(host), "held"), subjects.TELLINGS)
    )
    assert all(covers(hears, s) for s in (host.state, host.event, host.ask, subjects.TELLINGS))


def test_the_servers_configuration_names_each_user_once() -> None:
    text = trust.server({"host-h1": "one", "front-f1": 'tw"o'})
    assert [json.loads(x) for x in re.findall(r"password: (.*)", text)] == ['tw"o', "one"]
    assert text.count("allow_responses") == 1
    assert fnmatch.filter(text.splitlines(), "*tls {*")
