"""A simulated board as a user starts it, and the real esptool beside it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import serial

from hil.simboard import slip
from hil.simboard.chips import CHIPS, Chip
from hil.simboard.demo import Facts, bootloader, layout
from hil.simboard.flash import Flash
from hil.simboard.partitions import TABLE, pack_table

ROOT = Path(__file__).parents[3]
SECONDS = 60
ESPTOOL_SECONDS = 200
"""It takes a tenth of that on an idle machine; many run at once here."""


@dataclass
class Simulated:
    """A running board."""

    process: subprocess.Popen[str]
    url: str
    control: int
    directory: Path

    @property
    def flash(self) -> Path:
        return self.directory / "flash.bin"

    def log(self) -> str:
        return (self.directory / "simboard.log").read_text()

    def tell(self, line: str) -> Any:
        """A command on the control channel; gives what comes after `ok`."""
        with socket.create_connection(("127.0.0.1", self.control), timeout=SECONDS) as channel:
            channel.sendall(line.encode() + b"\n")
            answer = channel.makefile().readline()
        assert answer.startswith("ok"), answer
        return json.loads(answer[2:].strip() or "null")

    def open(self) -> serial.Serial:
        """Its port, as any program opens it; the board is not reset by that."""
        port = serial.serial_for_url(self.url, baudrate=115200, timeout=SECONDS, do_not_open=True)
        port.dtr = port.rts = False
        port.open()
        return port


@contextlib.contextmanager
def simulated(directory: Path, chip: str, *arguments: str) -> Iterator[Simulated]:
    """For as long as it is needed; what follows `--` goes to the firmware."""
    directory.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "hil.simboard", "--chip", chip, "--flash", str(directory / "flash.bin")]
    with (directory / "simboard.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--control", "0", *arguments], stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT
        )
    try:
        assert process.stdout is not None
        control, port = process.stdout.readline().strip(), process.stdout.readline().strip()
        assert port.startswith("port="), (directory / "simboard.log").read_text()
        yield Simulated(process, port.removeprefix("port="), int(control.rpartition(":")[2]), directory)
    finally:
        process.terminate()
        process.wait(SECONDS)


def esptool(board: Simulated, *arguments: str, quick: bool = True) -> subprocess.CompletedProcess[str]:
    """The real one, unmodified; gives its output and status. Its pyserial is `quick_rfc2217`'s, or as a user has it."""
    environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb"} | ({} if quick else {"PYTHONPATH": ""})
    return subprocess.run(
        [sys.executable, "-m", "esptool", "--port", board.url, *arguments],
        capture_output=True, text=True, timeout=ESPTOOL_SECONDS, check=False, env=environment,
    )  # fmt: skip


def read_until(port: serial.Serial, end: bytes) -> str:
    """Everything up to and with `end`."""
    read = port.read_until(end)
    assert read.endswith(end), read.decode(errors="replace")
    return str(read.decode(errors="replace"))


FACTS = {
    "esp32c3": Facts("xmini-c3", CHIPS["esp32c3"], "16MB", "dio", "80m"),
    "esp32s3": Facts("s3-devkit", CHIPS["esp32s3"], "8MB", "qio", "80m"),
}


def install(flash: Flash, chip: Chip, *apps: bytes) -> None:
    """Bootloader, partition table, and an application by slot."""
    table = layout("4MB")
    flash.replace(chip.bootloader, bootloader(replace(FACTS[chip.name], flash_size="4MB")))
    flash.replace(TABLE, pack_table(table))
    for partition, app in zip([p for p in table if p.label.startswith("ota_")], apps, strict=False):
        flash.replace(partition.offset, app)


def request(op: int, data: bytes, checksum: int = 0) -> bytes:
    """A frame as a host sends it."""
    return slip.encode(
        b"\x00" + bytes([op]) + len(data).to_bytes(2, "little") + checksum.to_bytes(4, "little") + data
    )
