"""The host's side of the serial port: RFC 2217 by way of pyserial's own server, bytes and lines kept in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from serial.rfc2217 import PortManager

from hil.simboard.chips import BAUD

LINES = {"baudrate", "dtr", "rts"}
SUBOPTION_MOST = 64


class Host(Protocol):
    """What a port does with what it hears."""

    def from_host(self, data: bytes) -> None:
        """Bytes."""

    def line_changed(self, baud: int, *, dtr: bool, rts: bool) -> None:
        """The speed or the lines."""

    def to_socket(self, data: bytes) -> None:
        """Bytes for the network, with RFC 2217's own among them."""


class Settings:
    """The serial port that PortManager drives: attributes to set, and modem lines to read."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed: Callable[[], None] = lambda: None
        self.baudrate = BAUD
        self.dtr = self.rts = False
        self.bytesize, self.parity, self.stopbits = 8, "N", 1
        self.xonxoff = self.rtscts = self.break_condition = False
        self.cts = self.dsr = self.cd = True
        self.ri = False
        self._changed = changed

    def __setattr__(self, name: str, value: Any) -> None:
        """Tells of what the board feels."""
        different = name in LINES and getattr(self, name, None) != value
        super().__setattr__(name, value)
        if different:
            self._changed()

    def reset_input_buffer(self) -> None:
        """Nothing is held back."""

    def reset_output_buffer(self) -> None:
        """Nor here."""


class Port:
    """One host's session. `take()` raises what PortManager raises for malformed options; the session is over then."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._content = bytearray()
        self._settings = Settings(self._changed)
        self._manager = PortManager(self._settings, self)
        self._changed()  # the host before may have left another speed

    def write(self, data: bytes) -> None:
        """What PortManager has to say."""
        self._host.to_socket(data)

    def take(self, data: bytes) -> None:
        """From the network."""
        for byte in self._manager.filter(data):
            self._content += byte
        if len(self._manager.suboption or b"") > SUBOPTION_MOST:
            raise ConnectionError("an option that does not end")
        self._flush()

    def send(self, data: bytes) -> None:
        """From the board."""
        self._host.to_socket(data.replace(b"\xff", b"\xff\xff"))

    def hang_up(self) -> None:
        """Both lines are let go at once."""
        self._host.line_changed(self._settings.baudrate, dtr=False, rts=False)

    def _changed(self) -> None:
        self._flush()
        settings = self._settings
        self._host.line_changed(settings.baudrate, dtr=settings.dtr, rts=settings.rts)

    def _flush(self) -> None:
        content, self._content = bytes(self._content), bytearray()
        if content:
            self._host.from_host(content)
