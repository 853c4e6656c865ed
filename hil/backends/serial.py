"""A board on a serial port of this machine, or on one that RFC 2217 brings here."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from hil.backends import Backend, Reached
from hil.errors import NotFlashed, Unusable
from hil.gateway import ROOT
from hil.options import power

_PULSE_SECONDS = 0.1  # the reset circuit's capacitor wants a few milliseconds
_FLASH_SECONDS = 300.0


class SerialPort(Backend):
    """A board whose console is on a port.

    Args:
        port: a device, or what pyserial takes for one, such as rfc2217://HOST:PORT.
        capabilities: of this board.
        services: pytest-embedded's; with `esp` it also finds out the chip.
        known_as: the address of this machine on the board's LAN; by default the one that leads out.
        power_command: switches its supply, with `{action}` for `on` or `off` (uhubctl, say).
    """

    kind = "serial"

    def __init__(
        self,
        port: str,
        capabilities: frozenset[str],
        *,
        services: str = "serial",
        known_as: str | None = None,
        power_command: str | None = None,
    ) -> None:
        self._port, self.services = port, services
        self._power_command = power_command
        self.capabilities = capabilities | ({"power"} if power_command else set())
        self.reached = Reached("0.0.0.0", known_as or _address_that_leads_out())

    def open(self, folder: Path) -> str:
        """The port; nothing has to be started."""
        del folder
        return self._port

    def reset(self, dut: Any) -> None:
        """Pulse the line that every ESP32 board has on its reset (RTS; DTR high boots from flash)."""
        line = dut.serial.proc
        line.dtr = False
        line.rts = True
        time.sleep(_PULSE_SECONDS)
        line.rts = False

    def power(self, on: bool) -> None:
        """By the command that was given."""
        if self._power_command is None:
            raise Unusable("no --power-command says how to switch this board's supply")
        subprocess.run(power(self._power_command, "on" if on else "off"), check=True, timeout=30)

    def flash(self, dut: Any, release: Path, *options: str) -> None:
        """With the project's own tool, which wants the port for itself."""
        dut.serial.stop_redirect_thread()
        dut.serial.proc.close()
        command = [
            sys.executable,
            "-m",
            "tools.flash",
            "--port",
            self._port,
            "--image",
            str(release),
            *options,
        ]
        try:
            ran = subprocess.run(
                command, capture_output=True, text=True, timeout=_FLASH_SECONDS, check=False, cwd=ROOT
            )
        finally:
            dut.serial.proc.open()
            dut.serial.start_redirect_thread()
        if ran.returncode != 0:
            raise NotFlashed(
                f"{' '.join(command[2:])} ended with {ran.returncode}: {(ran.stdout + ran.stderr)[-800:]}"
            )


def _address_that_leads_out() -> str:
    """This machine's address toward elsewhere; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1: nobody's
        except OSError:
            raise Unusable("this machine has no network; connect it, or name its address: --host") from None
        return str(probe.getsockname()[0])
