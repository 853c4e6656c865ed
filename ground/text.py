"""The only reader of text files that people write or bring: settings, keys, passwords, certificates, SDP."""

from __future__ import annotations

import codecs
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from ground.trouble import Trouble, reason

MOST = 1_000_000
"""Bytes. A file of another kind is found before memory is."""
_MARKS = (  # the longer first: UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_LINE_END = re.compile(r"\r\n|\r|\n")  # splitlines() would also split at what a password may hold
_SAVE = "save it as UTF-8 text"


class Unreadable(Trouble):
    """A file that is not there, or holds no text."""


def read(path: Path, *, strict: bool = True, most: int = MOST) -> str:
    """What a file holds, its line ends as they are.

    UTF-8 is read, with or without a byte order mark, and UTF-16 and UTF-32 with one.

    Args:
        path: of a file, or of a pipe that somebody writes to, as `<(…)` of a shell gives.
        strict: whether a byte that is no UTF-8, or a NUL, is refused; else such bytes become lone surrogates.
        most: bytes that it may have.

    Raises:
        Unreadable: names the file, and the line where that helps.
    """
    return decode(_bytes(path, most), str(path), strict=strict)


def read_line(path: Path) -> str:
    """The first line of a file, which is its secret: as it is, spaces too.

    Raises:
        Unreadable: as `read`, or it is empty.
    """
    line = _LINE_END.split(read(path), maxsplit=1)[0]
    if not line:
        raise Unreadable(f"{path} is empty", remedy="give a file that holds it, in its first line")
    return line


def read_word(path: Path) -> str:
    """The one word that a file holds, which is its secret; what stands around it is left out.

    Raises:
        Unreadable: as `read`, or it is empty, or holds more. What stands there is not repeated.
    """
    words = read(path).split()
    if len(words) != 1:
        fault = "holds more than one word" if words else "is empty"
        raise Unreadable(f"{path} {fault}", remedy="give a file that holds it, alone")
    return words[0]


def read_toml(path: Path) -> dict[str, Any]:
    """The values of a TOML file.

    Raises:
        Unreadable: as `read`, or it is no TOML. What stands there is not repeated: it may be a secret.
    """
    try:
        return tomllib.loads(_LINE_END.sub("\n", read(path)))
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"{path} is no TOML: {error}", remedy="correct the line it names") from None
    except RecursionError:
        raise Unreadable(f"{path} is nested too deep", remedy="is it the file that you mean?") from None
    except ValueError:  # of Python: more digits than it turns into a number
        raise Unreadable(f"{path} has a number that is too long", remedy="write a shorter one") from None


def decode(data: bytes, name: str, *, strict: bool = True) -> str:
    """What bytes say that came from `name`; as `read`."""
    encoding = next((found for mark, found in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding, "strict" if strict or encoding != "utf-8" else "surrogateescape")
    except UnicodeDecodeError as error:
        raise Unreadable(_what_is_wrong(data, name, encoding, error), remedy=_SAVE) from None
    if strict and "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Unreadable(f"{name} is no text: a NUL in line {line}", remedy=_SAVE)
    return text


def _what_is_wrong(data: bytes, name: str, encoding: str, error: UnicodeDecodeError) -> str:
    if encoding == "utf-8":
        line = data[: error.start].count(b"\n") + 1
        return f"{name} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}"
    return f"{name} begins as {encoding.upper()}, and goes on as something else"


def _bytes(path: Path, most: int) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 -- a pipe that nobody writes to waits for ever
            kind = os.fstat(file.fileno()).st_mode
            if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
                raise Unreadable(f"{path} is no file", remedy="give the path of a text file")
            if stat.S_ISFIFO(kind):
                os.set_blocking(file.fileno(), True)
            data = file.read(most + 1)
    except (OSError, ValueError) as error:  # a NUL in the path is a ValueError
        why = reason(error) if isinstance(error, OSError) else "that is no path"
        raise Unreadable(
            f"{path} cannot be read: {why}", remedy="check the path and its permissions"
        ) from None
    if len(data) > most:
        raise Unreadable(f"{path} is longer than {most} bytes", remedy="is it the file that you mean?")
    return data
