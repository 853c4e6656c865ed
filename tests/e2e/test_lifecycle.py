"""A gateway from its start to its end."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from pathlib import Path

import pytest

from tests.support.gateway import (
    BOTS,
    GatewayProcess,
    alive,
    children,
    client,
    serving,
    spawn,
    voicegw,
    write_settings,
)
from tests.support.peer import calling
from tests.support.waiting import until


async def test_the_first_line_says_where_it_listens(echo: GatewayProcess) -> None:
    assert echo.listening["event"] == "listening"
    assert echo.url.startswith("http://127.0.0.1:")
    async with client(echo.url) as http:
        assert (await http.get("/healthz")).json()["status"] == "ok"


async def test_a_bot_that_prints_does_not_come_before_that_line(tmp_path: Path) -> None:
    async with serving(tmp_path, {"bot": str(BOTS / "prints_at_import.py")}) as gateway:
        assert len((tmp_path / "out").read_text().splitlines()) == 1
        assert "hello from the bot" in gateway.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_in_mid_call_ends_calls_and_gateway_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with serving(tmp_path, {"media": 2}) as gateway:
        workers = gateway.workers()
        async with calling(gateway.url) as device, calling(gateway.url, request_data=None) as browser:
            await asyncio.gather(device.hears(), browser.hears())
            assert await gateway.stop(number) == 0
            for peer in (device, browser):
                await peer.closed()
                assert peer.error() == "stopping"
        assert not any(alive(pid) for pid in workers)
        assert gateway.log().count("session ended: stopping") == 2
        assert "Traceback" not in gateway.log()


async def test_a_signal_ends_open_pages_too(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as gateway,
        client(gateway.url) as http,
        http.stream("GET", "/api/events") as stream,
    ):
        assert await anext(stream.aiter_lines()) == ": here"
        assert await gateway.stop() == 0


@pytest.mark.parametrize("moment", ["its modules are imported", "a worker is started"])
async def test_a_signal_during_the_start_ends_it(tmp_path: Path, moment: str) -> None:
    config = write_settings(tmp_path, {})
    process = spawn(tmp_path, ["serve", "--host", "127.0.0.1", "--port", "0", "--config", str(config)])
    try:
        log = tmp_path / "gateway.log"
        if moment == "its modules are imported":
            loaded = Path(f"/proc/{process.pid}/maps")
            await until(lambda: "/site-packages/zeroconf/" in loaded.read_text(), moment)
        else:
            await until(lambda: bool(children(process.pid)), moment)
        workers = children(process.pid)
        process.send_signal(signal.SIGTERM)
        await until(lambda: process.poll() is not None, "it has ended", 60)
        await until(lambda: not any(alive(pid) for pid in workers), "its workers have ended", 60)
        assert process.returncode == 0, log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()


async def test_a_port_that_is_taken_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        config = str(write_settings(tmp_path, {}))
        done = await asyncio.to_thread(
            voicegw, "serve", "--host", "127.0.0.1", "--port", port, "--config", config
        )
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "places", "message"),
    [
        ("does_not_import", {}, "broken at import"),
        ("needs_a_package", {"media": 2}, "there is no module a_package_that_nobody_has"),
        ("gone", {"in_process": True}, "there is no bot file"),
    ],
)
async def test_a_bot_that_cannot_work_stops_the_start(
    tmp_path: Path, name: str, places: dict[str, object], message: str
) -> None:
    settings = {**places, "bots": {"kitchen": str(BOTS / f"{name}.py")}}
    config = str(write_settings(tmp_path, settings))
    done = await asyncio.to_thread(voicegw, "serve", "--host", "127.0.0.1", "--port", "0", "--config", config)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


async def test_no_key_is_ever_logged(tmp_path: Path) -> None:
    settings = {"log_level": "DEBUG", "llm": {"provider": "openai", "options": {"api_key": "sk-from-file"}}}
    secrets = ["sk-from-file", "sk-from-environment", "vgw_wrong-but-secret"]
    async with serving(tmp_path, settings, extra={"OPENAI_API_KEY": "sk-from-environment"}) as gateway:
        async with client(gateway.url) as http:
            key = (await http.post("/api/devices", json={"name": "kitchen"})).json()["key"]
        secrets.append(key)
        async with calling(gateway.url, key=key) as peer:
            await peer.hears()
        async with client(gateway.url, key="vgw_wrong-but-secret") as http:
            await http.post("/api/offer", json={"sdp": "v=0", "type": "offer"})
        for worker in gateway.workers():
            line = Path(f"/proc/{worker}/cmdline").read_bytes().decode()
            assert not [s for s in secrets if s in line]
        await gateway.stop()
        log = gateway.log()
    assert "DEBUG" in log
    assert [s for s in secrets if s in log or s.removeprefix("vgw_") in log] == []


async def test_logs_as_json_are_json_line_by_line(tmp_path: Path) -> None:
    settings = {"log_json": True, "bots": {"a": str(BOTS / "raises_at_start.py")}, "bot": "gateway.bots.echo"}
    async with serving(tmp_path, settings) as gateway:
        async with calling(gateway.url) as peer:
            session_id = (await gateway.sessions())[0]["id"]
            await peer.hears()
        async with calling(gateway.url, request_data={"device": {"id": "a"}}):
            await gateway.logged("no microphone cable")
        await gateway.idle()
        await gateway.stop()
        records = [json.loads(line) for line in gateway.log().splitlines()]
    assert all({"at", "level", "message", "session", "worker"} <= set(record) for record in records)
    assert [r for r in records if r["session"] == session_id]
    assert [r for r in records if "no microphone cable" in r.get("error", "")]
