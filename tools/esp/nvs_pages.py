"""The NVS format, read: pages, entries, checksums. Pure.

Source: ESP-IDF, components/nvs_flash/src (`nvs_page.hpp`, `nvs_types.hpp`, `nvs_storage.cpp`), and its page
"Non-Volatile Storage Library", section Internals.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from tools.errors import NvsError

PAGE_BYTES = 4096
_HEADER = struct.Struct("<IIB19xI")  # state, sequence number, version, CRC of bytes 4 to 28
_ITEM = struct.Struct("<BBBBI16s8s")  # namespace, type, span, chunk, CRC, key, data
_ENTRY_BYTES = 32
_ENTRIES = 126
_FIRST_ENTRY = 64
_WRITTEN = 0b10  # of an entry's two bits; 0b11 is empty, 0b00 erased
_VERSIONS = {0xFF: 1, 0xFE: 2}
_EMPTY, _ACTIVE, _FULL, _FREEING = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFC, 0xFFFFFFF8


class Type(IntEnum):
    """What an entry holds. The numbers are the format's."""

    U8 = 0x01
    I8 = 0x11
    U16 = 0x02
    I16 = 0x12
    U32 = 0x04
    I32 = 0x14
    U64 = 0x08
    I64 = 0x18
    SZ = 0x21
    BLOB = 0x41


_BLOB_DATA, _BLOB_INDEX = 0x42, 0x48  # of version 2: a blob is chunks and an index, and reads as BLOB
INTEGERS = {
    Type.U8: "B", Type.I8: "b", Type.U16: "H", Type.I16: "h",
    Type.U32: "I", Type.I32: "i", Type.U64: "Q", Type.I64: "q",
}  # fmt: skip
"""The code of `struct` for each type of integer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One value: an integer, a text (UTF-8; other bytes as surrogates), or bytes."""

    namespace: str
    key: str
    type: Type
    value: int | str | bytes


@dataclass(frozen=True, slots=True)
class _Item:
    """An entry as it lies in a page; `payload` is what its further entries hold."""

    where: str
    namespace: int
    type: int
    chunk: int
    key: str
    data: bytes
    payload: bytes


def decode(image: bytes) -> list[Entry]:
    """Everything that an NVS partition holds, in the order in which it was written; what was erased is left out.

    Of a value that is there twice, because power was lost while it was replaced, the later one counts.

    Raises:
        NvsError: it is no NVS partition, a damaged or an encrypted one; says where.
    """
    if len(image) % PAGE_BYTES or not image:
        raise _damaged("the image", f"{len(image)} bytes are not a number of 4096-byte pages")
    items = [item for _, start in sorted(_pages(image)) for item in _items(image, start)]
    names = {item.data[0]: item.key for item in items if item.namespace == 0 and item.type == Type.U8}
    chunks = {(i.namespace, i.key, i.chunk): i.payload for i in items if i.type == _BLOB_DATA}
    found: dict[tuple[str, str], Entry] = {}
    for item in items:
        if item.namespace == 0 or item.type == _BLOB_DATA:
            continue
        if item.namespace not in names:
            raise _damaged(item.where, f"namespace {item.namespace} has no name")
        entry = _entry(names[item.namespace], item, chunks)
        found.pop((entry.namespace, entry.key), None)  # a later value takes a later place
        found[entry.namespace, entry.key] = entry
    return list(found.values())


def _pages(image: bytes) -> Iterator[tuple[int, int]]:
    """The sequence number and start of each page that is in use."""
    for start in range(0, len(image), PAGE_BYTES):
        state, sequence, version, crc = _HEADER.unpack_from(image, start)
        where = f"page {start // PAGE_BYTES}"
        if state == _EMPTY:
            continue
        if state not in {_ACTIVE, _FULL, _FREEING}:
            raise _damaged(where, f"{state:#010x} is no state of a page")
        if crc != _crc(image[start + 4 : start + 28]):
            raise _damaged(where, "the header's checksum is wrong")
        if version not in _VERSIONS:
            raise _damaged(where, f"{version:#x} is no version that is known here")
        yield sequence, start


def _items(image: bytes, start: int) -> Iterator[_Item]:
    """The items of a page that are written and not erased."""
    states = int.from_bytes(image[start + 32 : start + 64], "little")
    at = 0
    while at < _ENTRIES:
        if (states >> 2 * at) & 0b11 != _WRITTEN:
            at += 1
            continue
        item, span = _item(image, start, at)
        yield item
        at += span


def _item(image: bytes, start: int, at: int) -> tuple[_Item, int]:
    offset = start + _FIRST_ENTRY + at * _ENTRY_BYTES
    where = f"page {start // PAGE_BYTES} entry {at}"
    raw = image[offset : offset + _ENTRY_BYTES]
    namespace, kind, span, chunk, crc, key, data = _ITEM.unpack(raw)
    if crc != _crc(raw[:4] + raw[8:]):
        raise _damaged(where, "its checksum is wrong, or the partition is encrypted")
    if not 1 <= span <= _ENTRIES - at:
        raise _damaged(where, f"a span of {span} entries leaves the page")
    further = image[offset + _ENTRY_BYTES : offset + span * _ENTRY_BYTES]
    payload = _payload(where, data, further) if kind in {Type.SZ, Type.BLOB, _BLOB_DATA} else b""
    name = key.split(b"\0", 1)[0].decode("ascii", errors="backslashreplace")
    return _Item(where, namespace, kind, chunk, name, data, payload), span


def _payload(where: str, data: bytes, further: bytes) -> bytes:
    size, crc = struct.unpack("<HxxI", data)
    if size > len(further):
        raise _damaged(where, f"{size} bytes do not fit into its entries")
    payload = further[:size]
    if _crc(payload) != crc:
        raise _damaged(where, "its value's checksum is wrong")
    return payload


def _entry(namespace: str, item: _Item, chunks: dict[tuple[int, str, int], bytes]) -> Entry:
    if item.type == _BLOB_INDEX:
        return Entry(namespace, item.key, Type.BLOB, _blob(item, chunks))
    if item.type not in set(Type):
        raise _damaged(item.where, f"{item.type:#x} is no type")
    kind = Type(item.type)
    if kind in INTEGERS:
        return Entry(namespace, item.key, kind, struct.unpack_from("<" + INTEGERS[kind], item.data)[0])
    if kind == Type.BLOB:
        return Entry(namespace, item.key, kind, item.payload)
    if not item.payload.endswith(b"\0"):
        raise _damaged(item.where, "a text without its end")
    return Entry(namespace, item.key, kind, item.payload[:-1].decode(errors="surrogateescape"))


def _blob(index: _Item, chunks: dict[tuple[int, str, int], bytes]) -> bytes:
    size, count, first = struct.unpack("<IBBxx", index.data)
    try:
        blob = b"".join(chunks[index.namespace, index.key, first + n] for n in range(count))
    except KeyError:
        raise _damaged(index.where, f"a part of the blob {index.key} is missing") from None
    if len(blob) != size:
        raise _damaged(index.where, f"the blob {index.key} has {len(blob)} bytes instead of {size}")
    return blob


def _crc(data: bytes) -> int:
    return zlib.crc32(data, 0xFFFFFFFF)


def _damaged(where: str, what: str) -> NvsError:
    return NvsError(f"NVS: {where}: {what}", remedy="erase the partition and write the settings again")
