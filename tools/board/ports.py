"""Serial ports: which of them may be a board, why, and what keeps us from using one."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import serial
from serial.tools import list_ports

from tools.errors import PortError

BOOT_BUTTON = "hold the board's BOOT button, press and let go RESET, let go BOOT, and try again"
_ESPRESSIF = 0x303A
_BRIDGES = {
    0x10C4: "a CP210x USB-serial bridge",
    0x1A86: "a CH34x USB-serial bridge",
    0x0403: "an FTDI USB-serial bridge",
    0x067B: "a PL2303 USB-serial bridge",
}
_DRIVERS = (
    "look at the cable (many carry power only) and the board's power; on Windows and macOS a CP210x needs the driver "
    "from Silicon Labs, a CH34x the one from WCH"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A port that may lead to a board. `rank` 0 is an ESP itself, 1 a bridge as boards have them."""

    device: str
    why: str
    rank: int
    serial_number: str | None = None


def candidates() -> list[Candidate]:
    """The ports that may be a board, the likeliest first."""
    found = [_judge(p.device, p.vid, p.pid, p.serial_number, p.description) for p in list_ports.comports()]
    return sorted((c for c in found if c is not None), key=lambda c: (c.rank, c.device))


def _judge(
    device: str, vid: int | None, pid: int | None, serial_number: str | None, description: str | None
) -> Candidate | None:
    if sys.platform == "darwin" and device.startswith("/dev/tty."):
        return None  # each board is there a second time as /dev/cu.*
    if vid == _ESPRESSIF:
        why = "an ESP's own USB (Espressif, JTAG/serial)" if pid == 0x1001 else "an ESP's own USB (Espressif)"
        return Candidate(device, why, 0, serial_number)
    if vid in _BRIDGES:
        return Candidate(device, _BRIDGES[vid], 1, serial_number)
    if vid is not None:
        return Candidate(device, f"a USB serial port ({description or 'of no known kind'})", 2, serial_number)
    return None  # on-board ports: no board of ours is there


def choose(found: Iterable[Candidate]) -> Candidate:
    """The one port to use.

    Raises:
        PortError: there is none, or there are several, which it names with the reason for each.
    """
    ports = list(found)
    if not ports:
        raise PortError(
            "no board is plugged in", remedy=f"{_DRIVERS}; a board that shows no port: {BOOT_BUTTON}"
        )
    best = [c for c in ports if c.rank == ports[0].rank]
    if len(best) > 1:
        named = "; ".join(
            f"{c.device} ({c.why}{f', {c.serial_number}' if c.serial_number else ''})" for c in best
        )
        raise PortError(f"several ports may be the board: {named}", remedy="say which one with --port")
    return best[0]


def pick(port: str | None) -> str:
    """The port that the user named, or the one that is there.

    Raises:
        PortError: as `choose`.
    """
    return port if port is not None else choose(candidates()).device


def is_network(port: str) -> bool:
    """Whether it is a URL (`rfc2217://…`, `socket://…`) and no device of this machine."""
    return "://" in port


def open_port(port: str, *, baud: int = 115_200, read_timeout_s: float = 0.1) -> serial.SerialBase:
    """Open a port without resetting the board.

    DTR and RTS both come on, which neither an auto-reset circuit nor an ESP's own USB takes as a reset.

    Raises:
        PortError: with what is in the way.
    """
    try:
        opened: serial.SerialBase = serial.serial_for_url(port, baudrate=baud, timeout=read_timeout_s)
    except (serial.SerialException, OSError, ValueError) as error:
        raise explain(port, error) from None
    return opened


def explain(port: str, error: Exception) -> PortError:
    """What a failure to open a port comes from."""
    if is_network(port):
        return PortError(
            f"{port} cannot be reached: {error}", remedy="look whether its server runs and has no other user"
        )
    number = getattr(error, "errno", None)
    text = str(error).lower()
    if number == errno.ENOENT or "filenotfound" in text or "no such file" in text:
        return PortError(f"there is no port {port}", remedy=f"see: voicegw devices; {_DRIVERS}")
    if number in {errno.EBUSY, errno.EAGAIN} or "busy" in text or "lock" in text:
        return PortError(
            f"another program uses {port}", remedy="close it: a monitor, an IDE, a modem manager"
        )
    if number in {errno.EACCES, errno.EPERM} or "permission" in text or "access is denied" in text:
        return PortError(f"you may not use {port}", remedy=permission_remedy(port))
    return PortError(f"{port} cannot be opened: {error}", remedy=_DRIVERS)


def permission_remedy(port: str) -> str:
    """How to be let in."""
    if sys.platform == "win32":
        return "another program uses it: close it"
    return f"run: sudo usermod -aG {_group(port)} $USER, then log out and in"


def _group(port: str) -> str:
    try:
        return Path(port).group()
    except (OSError, KeyError, NotImplementedError):
        return "dialout"


def may_use(port: str) -> bool:
    """Whether this user may read and write the port's device; `True` for what has no file."""
    return is_network(port) or sys.platform == "win32" or os.access(port, os.R_OK | os.W_OK)
