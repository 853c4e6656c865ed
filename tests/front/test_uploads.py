"""The folder of what clients send: what else lies in it is nobody's to sweep."""

from __future__ import annotations

from pathlib import Path

from gateway.front.uploads import Uploads


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
