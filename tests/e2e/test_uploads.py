"""Files that clients send for a bot's model: at the paths of Pipecat's runner, and gone with their session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.gateway import BOTS, GatewayProcess, client, serving
from tests.support.peer import Peer

FILE = {"file": ("notes/ümläut.pdf", b"%PDF ...", "text/plain")}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    settings = {
        "bot": str(BOTS / "reads_a_file.py"),
        "uploads_folder": "files",
        "uploads_folder_max_files": 3,
    }
    async with serving(tmp_path_factory.mktemp("uploads"), settings) as started:
        yield started


@pytest.fixture
async def gateway(_gateway: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    _gateway.forget_log()
    yield _gateway
    await _gateway.idle()


def kept(gateway: GatewayProcess) -> list[Path]:
    folder = gateway.directory / "files"
    return sorted(folder.iterdir()) if folder.exists() else []


async def test_a_bot_reads_what_its_client_sent_and_it_ends_with_the_call(gateway: GatewayProcess) -> None:
    async with Peer(gateway.url, request_data=None) as peer:
        started = (await peer.http.post("/start", json={})).json()
        assert started["fileUploadUrl"] == f"/sessions/{started['sessionId']}/files"
        sent = (await peer.http.post(started["fileUploadUrl"], files=FILE)).raise_for_status().json()
        assert (sent["name"], sent["format"], sent["source"]["type"]) == (
            "ümläut.pdf",
            "application/pdf",
            "url",
        )
        url = sent["source"]["url"]
        peer._request_data = {"file": url}
        await peer.connect(path=f"/sessions/{started['sessionId']}/api/offer")
        await gateway.logged("the file says b'%PDF ...'")
        assert [path.name for path in kept(gateway)] == [url.removeprefix("pipecat:")]
    assert await gateway.ended() == ["client_left"]
    await gateway.idle()
    assert kept(gateway) == []


async def test_of_those_of_no_session_the_newest_stay(gateway: GatewayProcess) -> None:
    async with client(gateway.url) as http:
        for number in range(5):
            content = str(number).encode()
            (await http.post("/files", files={"file": ("a", content)})).raise_for_status()
    assert sorted(path.read_bytes() for path in kept(gateway)) == [b"2", b"3", b"4"]


@pytest.mark.parametrize(
    ("path", "files", "status"),
    [
        ("/sessions/0123456789abcdef/files", FILE, 404),
        ("/files", {"other": b"x"}, 422),
        ("/files", {"file": ("large", bytes(51 << 20))}, 413),
    ],
    ids=["a session that nobody started", "no file", "too large"],
)
async def test_what_is_not_taken(
    gateway: GatewayProcess, path: str, files: dict[str, object], status: int
) -> None:
    async with client(gateway.url) as http:
        assert (await http.post(path, files=files)).status_code == status  # type: ignore[arg-type]


async def test_without_a_folder_none_are_taken_and_nothing_else_is_larger(echo: GatewayProcess) -> None:
    async with client(echo.url) as http:
        refused = await http.post("/files", files=FILE)
        assert (refused.status_code, refused.json()["remedy"]) == (503, "set uploads_folder")
        assert "fileUploadUrl" not in (await http.post("/start", json={})).json()
        assert (await http.post("/files", files={"file": ("large", bytes(200_000))})).status_code == 413
