"""An update over the air, as the whole board lives through it: firmware, flash, bootloader."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import serial

from gateway.front.releases import Release
from hil.simboard.demo import layout, write_release
from hil.simboard.flash import Flash
from hil.simboard.partitions import State
from tests.hil.simboard.support import FACTS, Simulated, simulated
from tests.support.gateway import serving
from tests.support.releases import MAKER
from tests.support.waiting import until
from tools.esp import nvs
from tools.releases import maker, signing

BOARD = FACTS["esp32c3"]
NVS, OTADATA = (p for p in layout(BOARD.flash_size) if p.label in {"nvs", "otadata"})


class Console:
    """Everything that the board says, as it comes."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._heard: list[bytes] = []
        self._said = b""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ended.is_set():
            self._heard.append(self._port.read(1) + self._port.read(self._port.in_waiting))

    def _has(self, text: bytes) -> bool:
        while self._heard:
            self._said += self._heard.pop(0)
        return text in self._said

    def tell(self, line: str) -> None:
        self._port.write(line.encode() + b"\n")

    async def hears(self, *texts: str) -> None:
        """One after the other; what was said up to them is forgotten."""
        for text in texts:
            await until(functools.partial(self._has, text.encode()), text)
            self._said = self._said.partition(text.encode())[2]

    def close(self) -> None:
        self._ended.set()
        self._thread.join()


@contextmanager
def console(board: Simulated) -> Iterator[Console]:
    with board.open() as port:
        port.timeout = 0.2
        listening = Console(port)
        try:
            yield listening
        finally:
            listening.close()


def states(board: Simulated) -> list[int]:
    data = board.flash.read_bytes()
    return [int.from_bytes(data[OTADATA.offset + n * 4096 + 24 :][:4], "little") for n in (0, 1)]


def order(folder: Path) -> str:
    """The console's line for an update to a release."""
    release = Release.read((folder / "manifest.json").read_bytes())
    path = f"/api/firmware/{release.board}/{release.version}/{release.app}"
    return "update " + json.dumps(release.command(path, older=False), separators=(",", ":"))


async def test_an_update_is_kept_once_it_was_live_and_left_again_if_it_never_is(
    firmware: None, tmp_path: Path
) -> None:
    del firmware
    releases = tmp_path / "releases"
    first = write_release(tmp_path / "first", BOARD, "0.1.0", size=16_384)
    good = write_release(releases / "good", BOARD, "0.2.0", size=16_384)
    bad = write_release(releases / "bad", BOARD, "0.3.0", "never-live", size=16_384)
    for folder in (good, bad):
        signing.sign(folder, (MAKER,))
    async with serving(tmp_path / "gateway", {"releases": str(releases)}) as gateway:
        flash = Flash(tmp_path / "flash.bin", 16 << 20)
        settings = {
            "gateway": gateway.url,
            "update": "any",
            "ssid": "home",
            "firmware_key": maker.public(MAKER),
        }
        flash.replace(NVS.offset, nvs.settings_image(settings, NVS.size))
        flash.close()
        arguments = ("--release", str(first), "--", "--interface", "lo")
        with simulated(tmp_path, "esp32c3", *arguments) as board, console(board) as line:
            board.tell("reset")  # now that somebody listens
            await line.hears('"state":"live"')
            line.tell(order(good))
            await line.hears(
                "rst:0xc (RTC_SW_CPU_RST)", "Loaded app from partition at offset 0x420000", '"state":"live"'
            )
            await until(lambda: states(board) == [State.VALID, State.VALID], "marked valid")
            assert board.tell("state")["version"] == "0.2.0"

            line.tell(order(bad))
            await line.hears(
                "rst:0xc (RTC_SW_CPU_RST)", "Loaded app from partition at offset 0x20000", "no_wifi"
            )
            assert states(board) == [State.PENDING_VERIFY, State.VALID]
            board.tell("reset")
            await line.hears("Loaded app from partition at offset 0x420000", '"state":"live"')
            assert board.tell("state")["version"] == "0.2.0"
            assert states(board) == [State.ABORTED, State.VALID]
    assert board.flash.read_bytes()[0x20000:].startswith((bad / "voicegw.bin").read_bytes())
