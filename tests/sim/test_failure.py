"""What can go wrong between a device and its gateway, and how the device comes back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.device import Device, device
from tests.support.gateway import BOTS, GatewayProcess, client, serving
from tests.support.middle import between, http, kept_port, scripted
from tests.support.waiting import eventually, until

LARGE = http(200, {"sdp": "v=0\r\n" + "a=x\r\n" * 1_000, "type": "answer", "pc_id": "x"})
ENDLESS = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b" " * 1024 + b"\r\n" + b"fff\r\n"
)
PROBLEM = {"type": "about:blank", "title": "", "status": 0, "detail": "", "remedy": ""}


def problem(status: int, code: str, headers: str = "") -> bytes:
    return http(status, {**PROBLEM, "status": status, "code": code}, headers)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (problem(401, "key_required"), "key_rejected"),
        (problem(403, "forbidden"), "forbidden"),
        (problem(403, "tls_required"), "tls_required"),
        (http(308, {}, "Location: https://here/\r\n"), "tls_required"),
        (problem(422, "no_audio"), "offer_rejected"),
        (problem(429, "rate_limited", "Retry-After: 3\r\n"), "rate_limited"),
        (problem(502, "bot_failed"), "bot_failed"),
        (problem(503, "busy"), "gateway_busy"),
        (problem(503, "stopping"), "gateway_stopping"),
        (http(500, {"detail": "no"}), "gateway_error"),
        (LARGE, "answer_too_large"),
        (ENDLESS, "answer_too_large"),
        (http(200, {"sdp": 5, "type": "answer"}), "answer_malformed"),
        (http(200, [1, 2]), "answer_malformed"),
        (http(200, {"sdp": "v=0\r\n", "type": "answer"}), "answer_unusable"),
        (http(200, {"sdp": "x" * 3_000, "type": "answer"}), "answer_unusable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{not json", "answer_malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", "reply_malformed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "reply_malformed"),
        (b"", "reply_malformed"),
    ],
)
async def test_a_reply_that_is_no_answer_is_a_reason(tmp_path: Path, reply: bytes, reason: str) -> None:
    async with scripted(reply) as script, device(tmp_path, url=script.url) as own:
        await own.fails(reason)
        state = await own.ask("state")
        assert state["last_failure"] == reason
        assert (tmp_path / "store" / "last_failure").read_text() == reason


async def test_the_next_offer_says_why_the_last_one_failed(tmp_path: Path) -> None:
    async with scripted(problem(503, "stopping")) as script, device(tmp_path, url=script.url) as own:
        await until(lambda: len(script.requests) >= 2, "a second offer")
        assert b'"last_failure":"none"' in script.requests[0]
        assert b'"last_failure":"gateway_stopping"' in script.requests[1]
        assert own.states().count("backoff") >= 1


async def test_the_key_goes_nowhere(tmp_path: Path) -> None:
    async with scripted(problem(401, "key_required")) as script:
        async with device(tmp_path, "--verbose", url=script.url, key="hush-hush") as own:
            await own.fails("key_rejected")
            command_line = Path(f"/proc/{own.process.pid}/cmdline").read_bytes()
        assert any(b"\r\nAuthorization: Voicegw nonce=abc, proof=" in said for said in script.requests)
        assert not any(b"hush" in said for said in script.requests)
        assert b"hush" not in command_line
        assert "hush" not in own.log()


async def test_retry_after_is_respected(tmp_path: Path) -> None:
    reply = problem(503, "busy", "Retry-After: 20\r\n")
    async with scripted(reply) as script, device(tmp_path, url=script.url) as own:
        await own.fails("gateway_busy")
        assert (await own.ask("state"))["retry_ms"] > 15_000


async def test_a_gateway_that_never_answers_is_given_up(tmp_path: Path) -> None:
    async with scripted(None) as script, device(tmp_path, url=script.url) as own:
        await own.fails("signalling_timeout", 30)


async def test_no_gateway_is_no_reason_to_stop(tmp_path: Path) -> None:
    with kept_port() as nobody:
        async with device(tmp_path, url=f"http://127.0.0.1:{nobody}") as own:
            await until(lambda: own.failures().count("unreachable") >= 4, "four tries")


async def test_a_full_gateway_is_left_alone_and_called_when_there_is_room(tmp_path: Path) -> None:
    settings = {"limits": {"sessions": 1}}
    async with (
        serving(tmp_path / "gateway", settings) as gateway,
        device(tmp_path / "b", "--id", "b" * 12) as second,
    ):
        async with device(tmp_path / "a", "--id", "a" * 12, url=gateway.secure_url) as first:
            await first.live()
            await second.ask(f"settings set gateway {gateway.secure_url}")
            await second.fails("gateway_busy")
        await second.live(60)


async def test_it_is_live_again_soon_after_its_gateway_returns(tmp_path: Path) -> None:
    """However long that was away: it never waits for longer than 2 s, and the first call goes through."""
    with kept_port() as port:
        async with device(tmp_path / "device", url=f"http://127.0.0.1:{port}") as own:
            await until(lambda: own.failures().count("unreachable") >= 4, "four tries")
            for _ in range(2):
                assert await planned_wait(own, tries=2) < 2_000
                async with serving(tmp_path / "gateway", port=port):
                    tries = len(own.failures())
                    await own.live(60)
                    assert len(own.failures()) - tries <= 1  # one may have been under way
                    own.events.clear()
                await own.fails("gateway_stopping")


async def planned_wait(own: Device, tries: int) -> int:
    """The longest that it means to wait between tries, in milliseconds, as it tells after so many more."""
    waits = []
    for _ in range(tries):
        before = len(own.failures())
        await until(lambda n=before: len(own.failures()) > n, "it fails again")  # type: ignore[misc]
        waits.append(int((await own.ask("state")).get("retry_ms", 0)))
    return max(waits)


async def test_it_notices_a_worker_that_died(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, url=echo.secure_url) as own:
        await own.live()
        own.events.clear()
        [worker] = echo.workers()
        os.kill(worker, signal.SIGKILL)
        await own.fails("gateway_silent", 30)
        await own.live(60)


async def test_it_notices_that_the_network_is_gone(echo: GatewayProcess, tmp_path: Path) -> None:
    async with between(echo.url) as middle, device(tmp_path, url=middle.url) as own:
        await own.live()
        own.events.clear()
        middle.cut()
        await own.fails("gateway_silent", 30)
        await own.live()
        await own.hears(500)


async def test_a_tone_survives_the_loss_of_a_tenth(echo: GatewayProcess, tmp_path: Path) -> None:
    async with between(echo.url, loss=0.1) as middle, device(tmp_path, url=middle.url) as own:
        await own.live()
        await own.ask("inject tone 500")
        await until(lambda: sum(p.passed for p in middle.paths) > 1_000, "ten seconds of media", 40)
        await own.ask("capture start")
        await until(lambda: sum(p.passed for p in middle.paths) > 1_300, "three seconds more", 40)
        summary = await own.ask("capture")
        figures = await own.ask("figures")
        assert own.states()[-1] == "live"
        assert summary["sound_percent"] > 60, (summary, figures)  # a machine that stalls loses some as well
        assert figures["concealed"] > 0 or figures["lost"] > 0


async def test_a_bot_that_never_speaks_is_still_a_call(tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "gateway", {"bot": str(BOTS / "silent.py")}) as gateway,
        device(tmp_path / "device", url=gateway.secure_url) as own,
    ):
        await own.live()
        await own.ask("capture start")
        await own.ask("inject tone 400 6000")
        since = (await own.ask("state"))["uptime_ms"]

        async def long_silent() -> bool:
            return bool((await own.ask("state"))["uptime_ms"] - since > 6_000)

        await eventually(long_silent, "longer than any deadline of a silent wire, on the device's own clock")
        assert own.states()[-1] == "live"
        assert (await own.ask("capture"))["sound_percent"] == 0


async def test_a_revoked_key_ends_the_call(echo: GatewayProcess, tmp_path: Path) -> None:
    async with client(echo.url) as http_client:
        made = (await http_client.post("/api/devices", json={"name": "kitchen", "role": "device"})).json()
        async with device(tmp_path, url=echo.secure_url, key=made["key"]) as own:
            await own.live()
            [session] = await echo.sessions()
            assert session["device"] == "kitchen"
            (await http_client.delete("/api/devices/kitchen")).raise_for_status()
            await own.fails("key_rejected")


async def test_two_devices_with_one_identity_do_not_fight(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path / "a", "--id", "c" * 12, url=echo.secure_url) as first:
        await first.live()
        async with device(tmp_path / "b", "--id", "c" * 12, url=echo.secure_url) as second:
            await second.live()
            await first.fails("replaced")
            assert (await first.ask("state"))["retry_ms"] > 1_000
