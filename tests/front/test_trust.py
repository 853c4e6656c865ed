"""What callers send and who they are, through the whole front: nothing odd breaks it, a revoked key is out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest import mock

import aiosqlite
import httpx
import pytest
from loguru import logger

from gateway.front import running as running_module
from gateway.front.access import Caller
from gateway.front.app import create_app
from gateway.front.parts import Gateway
from gateway.front.registry import Role
from gateway.front.routes import state
from gateway.front.running import running
from gateway.front.server import serve
from gateway.settings import Settings
from ground import operator
from tests.support.offers import captured
from tests.support.waiting import until


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(host="127.0.0.1", port=0, in_process=True, bot="echo", announce=False, data_dir=tmp_path)


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Gateway]:
    with mock.patch.object(running_module, "REVOCATION_SECONDS", 0.02):
        async with running(settings, port=0) as found:
            yield found


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    app = httpx.ASGITransport(create_app(gateway), raise_app_exceptions=False, client=("127.0.0.1", 1))
    headers = {"Authorization": f"Bearer {gateway.operators.secret}"}
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1", headers=headers) as client:
        yield client


async def offer(http: httpx.AsyncClient, request_data: Any = None, **headers: str) -> httpx.Response:
    """An offer of libpeer's; its JSON is written as Python writes it, lone surrogates and all."""
    body = {"sdp": captured("libpeer"), "type": "offer", "request_data": request_data}
    return await http.post(
        "/api/offer", content=json.dumps(body), headers={"Content-Type": "application/json", **headers}
    )


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "request_data", [nested(33), nested(300), {"x": "\ud800"}, {"\ud800": 1}, {"device": {"id": "\ud800"}}]
)
async def test_request_data_that_no_worker_could_be_sent_is_refused(
    http: httpx.AsyncClient, request_data: Any
) -> None:
    response = await offer(http, request_data)
    assert (response.status_code, response.json()["code"]) == (422, "bad_request")


async def test_the_same_holds_for_start(http: httpx.AsyncClient) -> None:
    response = await http.post("/start", json={"body": {"x": nested(300)}})
    assert (response.status_code, response.json()["code"]) == (422, "bad_request")


async def test_nested_request_data_is_passed_on(http: httpx.AsyncClient) -> None:
    assert (await offer(http, nested(31))).status_code == 200


async def test_a_candidate_that_utf8_cannot_write_is_refused(http: httpx.AsyncClient) -> None:
    answer = (await offer(http)).json()
    body = {"pc_id": answer["pc_id"], "candidates": [{"candidate": "\ud800", "sdp_mid": "audio"}]}
    response = await http.patch(
        "/api/offer", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422


async def test_an_unforeseen_error_is_a_problem_that_tells_nothing(
    http: httpx.AsyncClient, gateway: Gateway
) -> None:
    with mock.patch.object(gateway.switchboard, "offer", side_effect=ValueError("sk-secret")):
        response = await offer(http)
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert response.headers["content-type"] == "application/problem+json"
    assert "sk-secret" not in response.text


async def test_what_a_device_calls_itself_forges_no_line_of_the_log(
    http: httpx.AsyncClient, gateway: Gateway
) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level="INFO", format="{message}")
    await offer(http, {"device": {"id": "kitchen\n12:00 ERROR forged \x1b[31m"}})
    logger.remove(sink)
    assert gateway.switchboard.devices_live() == {"kitchen12:00 ERROR forged [31m"}
    assert not any("\x1b" in line or line.startswith("12:00") for line in "".join(lines).splitlines())


async def test_a_call_is_not_lost_with_a_note_in_the_registry(
    http: httpx.AsyncClient, gateway: Gateway
) -> None:
    with mock.patch.object(
        gateway.registry.store._db, "execute", side_effect=aiosqlite.OperationalError("disk full")
    ):
        assert (await offer(http, {"device": {"id": "kitchen"}})).status_code == 200


async def test_a_new_key_of_the_same_name_does_not_keep_the_old_ones_call(
    http: httpx.AsyncClient, gateway: Gateway
) -> None:
    _, key = await gateway.registry.add("kitchen")
    assert (await offer(http, Authorization=f"Bearer {key}")).status_code == 200
    with mock.patch.object(gateway.switchboard, "end_revoked"):  # it looks between the two seldom enough
        await gateway.registry.revoke("kitchen")
        await gateway.registry.add("kitchen")
    await until(lambda: gateway.workers.count == 0, "the call has ended")


async def test_a_revocation_that_could_not_be_stored_is_not_done(
    http: httpx.AsyncClient, gateway: Gateway, settings: Settings
) -> None:
    await gateway.registry.add("kitchen")
    await gateway.registry.store._db.execute("PRAGMA busy_timeout = 0")
    with contextlib.closing(sqlite3.connect(settings.data_dir / "devices.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = await http.delete("/api/devices/kitchen")
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (503, "storage")
        assert problem["detail"].startswith("kitchen is not revoked: ")
        assert problem["remedy"]
        assert [d["revoked"] for d in (await http.get("/api/devices")).json()] == [False]
    assert (await http.delete("/api/devices/kitchen")).status_code == 204
    assert [d["revoked"] for d in (await http.get("/api/devices")).json()] == [True]


async def test_revoking_goes_on_after_a_fault(http: httpx.AsyncClient, gateway: Gateway) -> None:
    _, key = await gateway.registry.add("kitchen")
    assert (await offer(http, Authorization=f"Bearer {key}")).status_code == 200
    with mock.patch.object(
        gateway.registry, "all", side_effect=aiosqlite.OperationalError("locked")
    ) as failing:
        await until(lambda: failing.called, "it was tried")
    await gateway.registry.revoke("kitchen")
    await until(lambda: gateway.workers.count == 0, "the call has ended")


async def test_a_revoked_operator_hears_no_more_events(gateway: Gateway) -> None:
    device, _ = await gateway.registry.add("alice", Role.OPERATOR)
    stream = state._stream(gateway, Caller("192.168.1.5", "alice", Role.OPERATOR, device.id))
    assert await anext(stream) == ": here\n\n"
    first = asyncio.ensure_future(anext(stream))
    await until(lambda: bool(gateway.telemetry._subscribers), "it listens")
    gateway.telemetry.publish("device", {"name": "kitchen"})
    assert "kitchen" in await first
    await gateway.registry.revoke("alice")
    gateway.telemetry.publish("device", {"name": "bedroom"})
    assert [event async for event in stream] == []


@pytest.fixture
async def port(settings: Settings) -> AsyncIterator[int]:
    """Of a gateway that serves."""
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve(settings, lambda _, at: listening.set_result(at.port)))
    yield await listening
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)


@pytest.fixture
def told_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands look for the operator's secret, looked after all the time."""
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("gateway.front.server.TELL_SECONDS", 0.01)
    return tmp_path / "voicegw"


async def test_commands_find_the_secret_though_somebody_cleans_up(told_in: Path, port: int) -> None:
    """What lies in /tmp goes after ten days, what is of a session with it."""
    (file,) = told_in.iterdir()
    os.utime(file, (0, 0))
    await until(lambda: file.stat().st_mtime > 0, "it counts as used")
    shutil.rmtree(told_in)
    await until(lambda: operator.secret_for(f"http://127.0.0.1:{port}") is not None, "it is there again")


async def test_headers_without_end_are_refused(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 20_000)
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /healthz HT", b"POST /start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"],
)
async def test_connections_that_never_send_a_whole_request_are_bounded(
    port: int, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.front.door.MOST", 4)

    async def send(text: bytes) -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.append(writer)
        writer.write(text)
        return reader

    opened: list[asyncio.StreamWriter] = []
    bearer = operator.secret_for(f"http://127.0.0.1:{port}")
    events = await send(
        f"GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {bearer}\r\n\r\n".encode()
    )
    assert b" 200 " in await events.readline()
    first, *others = [await send(begun) for _ in range(4)]
    with contextlib.suppress(ConnectionError):
        assert await first.read() == b""
    assert b" 200 " in await (await send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")).readline()
    assert not any(reader.at_eof() for reader in (events, *others[1:]))
    for writer in opened:
        writer.close()
