"""What clients send: what else lies in its folder is nobody's to sweep, and of a stranger nothing is read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.front.app import create_app
from gateway.front.running import running
from gateway.front.uploads import Uploads
from gateway.settings import Settings


async def test_what_others_keep_in_the_folder_is_neither_counted_nor_deleted(tmp_path: Path) -> None:
    others = [f"doc{number}" for number in range(7)]
    for name in others:
        (tmp_path / name).write_text(name)
    uploads = Uploads(tmp_path, most=2)
    for number in range(4):
        await uploads.save("a.txt", str(number).encode(), None, None)
    assert {path.name for path in tmp_path.iterdir()} >= set(others)
    ours = [path for path in tmp_path.iterdir() if path.name not in others]
    assert sorted(path.read_bytes() for path in ours) == [b"2", b"3"]


@pytest.mark.parametrize("key", [None, "Bearer vgw_x", f"Voicegw nonce=a, proof={'0' * 64}"])
@pytest.mark.parametrize("path", ["/files", "/sessions/abc/files"])
async def test_a_file_of_who_may_not_talk_is_not_even_read(
    tmp_path: Path, path: str, key: str | None
) -> None:
    taken = []

    async def file() -> AsyncIterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield b"x" * 10_000

    own = Settings(in_process=True, bot="echo", announce=False, data_dir=tmp_path, uploads_folder=tmp_path)
    async with running(own, port=0) as gateway:
        app = httpx.ASGITransport(create_app(gateway), client=("192.168.1.5", 1))
        headers = {"Content-Type": "multipart/form-data; boundary=b"} | (
            {"Authorization": key} if key else {}
        )
        async with httpx.AsyncClient(transport=app, base_url="https://localhost") as client:
            answer = await client.post(path, content=file(), headers=headers)
    assert answer.status_code in {401, 422}
    assert taken == []
