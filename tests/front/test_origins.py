"""Pages of other origins: which may talk, and what else they may not."""

from __future__ import annotations

import pytest

from gateway.front.origins import Origins
from gateway.settings import Settings

DEV = "http://localhost:5173"
TALK = (
    *("/api/offer", "/api/challenge", "/start", "/status", "/files"),
    *("/sessions/abc/api/offer", "/sessions/abc/files"),
)


@pytest.mark.parametrize("path", TALK)
@pytest.mark.parametrize(
    "origin", [DEV, "https://LOCALHOST:3000", "http://127.0.0.1:5173", "http://[::1]:5173"]
)
def test_a_dev_server_of_this_machine_may_talk(origin: str, path: str) -> None:
    assert Origins(None).let_in(origin, path=path, remote="::ffff:127.0.0.1")


@pytest.mark.parametrize(
    ("origin", "path", "remote"),
    [
        (None, "/api/offer", "127.0.0.1"),
        ("null", "/api/offer", "127.0.0.1"),
        ("http://localhost.evil.example", "/api/offer", "127.0.0.1"),
        ("http://evil.example/http://localhost", "/api/offer", "127.0.0.1"),
        ("http://localhost@evil.example", "/api/offer", "127.0.0.1"),
        ("http://evil.example", "/api/offer", "127.0.0.1"),
        ("http://192.168.1.2:5173", "/api/offer", "192.168.1.2"),
        (DEV, "/api/offer", "192.168.1.2"),  # a dev server of another machine
        (DEV, "/api/devices", "127.0.0.1"),
        (DEV, "/api/state", "127.0.0.1"),
        (DEV, "/api/offer/../devices", "127.0.0.1"),
    ],
)
def test_nobody_else_may(origin: str | None, path: str, remote: str) -> None:
    assert not Origins(None).let_in(origin, path=path, remote=remote)


def test_those_that_are_set_take_the_place_of_the_default() -> None:
    origins = Origins(["https://Example.com/"])
    assert origins.let_in("https://example.com", path="/start", remote="192.168.1.2")
    assert not origins.let_in(DEV, path="/start", remote="127.0.0.1")
    assert not origins.let_in("https://example.com", path="/api/devices", remote="192.168.1.2")
    assert Origins(["*"]).let_in("https://any.example", path="/start", remote="192.168.1.2")


@pytest.mark.parametrize(
    ("given", "expected"), [("", None), ("http://a:1, https://b", ("http://a:1", "https://b"))]
)
def test_pipecats_own_variable_is_heeded(
    monkeypatch: pytest.MonkeyPatch, given: str, expected: tuple[str, ...] | None
) -> None:
    monkeypatch.setenv("PIPECAT_ALLOWED_ORIGINS", given)
    assert Settings().allowed_origins == expected
