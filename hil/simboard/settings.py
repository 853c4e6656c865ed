"""The device's settings on their way between the NVS partition and the directory that the Linux build keeps them in."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hil.simboard.flash import Flash
from hil.simboard.partitions import Partition
from tools.errors import NvsError
from tools.esp.nvs import NAMESPACE, Entry, Type, decode, generate

NOT_NVS = {"crash"}
"""What the Linux build keeps beside them, and a chip elsewhere: a core dump has a partition of its own."""


class Settings:
    """`unpack()` before the firmware starts, `pack()` once it is gone. What other namespaces hold stays."""

    def __init__(self, store: Path, flash: Flash) -> None:
        self._store = store
        self._flash = flash
        self._partition: Partition | None = None
        self._others: list[Entry] = []
        self._before: dict[str, bytes] = {}

    def unpack(self, partition: Partition | None) -> None:
        """What is in the partition is what the firmware finds; one that cannot be read counts as empty."""
        self._partition = partition
        entries = [] if partition is None else _entries(self._flash.read(partition.offset, partition.size))
        self._others = [entry for entry in entries if entry.namespace != NAMESPACE]
        self._before = {entry.key: _content(entry) for entry in entries if entry.namespace == NAMESPACE}
        self._store.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in self._files():
            file.unlink()
        for name, value in self._before.items():
            file = self._store / name
            file.touch(mode=0o600)
            file.write_bytes(value)

    async def pack(self) -> None:
        """Into the partition, where the firmware has changed any. Raises NvsError."""
        after = {file.name: file.read_bytes() for file in self._files()}
        if self._partition is not None and after != self._before:
            entries = [*self._others, *(_entry(name, value) for name, value in after.items())]
            image = await asyncio.to_thread(generate, entries, self._partition.size)
            self._flash.replace(self._partition.offset, image)
            self._before = after

    def _files(self) -> list[Path]:
        return [file for file in self._store.iterdir() if file.name[0] != "." and file.name not in NOT_NVS]


def _entries(image: bytes) -> list[Entry]:
    try:
        return decode(image)
    except NvsError:
        return []


def _content(entry: Entry) -> bytes:
    if isinstance(entry.value, bytes):
        return entry.value
    return str(entry.value).encode(errors="surrogateescape")


def _entry(name: str, value: bytes) -> Entry:
    """A text where it can be one, as `tools` writes them."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return Entry(NAMESPACE, name, Type.BLOB, value)
    return (
        Entry(NAMESPACE, name, Type.SZ, text)
        if "\0" not in text
        else Entry(NAMESPACE, name, Type.BLOB, value)
    )
