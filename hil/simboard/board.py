"""The board as a whole: power, reset, loader, boot and firmware. No I/O: put something in, then drain what comes out.

Every input takes the time (seconds, monotonic). `drain()` gives what to do; at `deadline`, `tick()` is due.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

from hil.simboard import boot, slip
from hil.simboard.chips import BAUD, Chip, Reset
from hil.simboard.flash import Flash
from hil.simboard.lines import Circuit, Pins
from hil.simboard.loader import FRAME_MOST, Event, Loader
from hil.simboard.outcome import Started
from hil.simboard.registers import Registers
from hil.simboard.rom import Rom
from hil.simboard.stub import GREETING, Stub

CRASH_SECONDS = 0.5
PANIC = (
    "Guru Meditation Error: Core  0 panic'ed (Load access fault). Exception was unhandled.\n\nRebooting...\n"
)


class Mode(Enum):
    """What the chip does."""

    OFF = "off"
    HELD = "held in reset"
    STARTING = "starting"
    LOADER = "loader"
    STUB = "stub"
    STOPPED = "stopped"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the host, sent at the chip's speed."""

    data: bytes
    baud: int


@dataclass(frozen=True, slots=True)
class Start:
    """Start the firmware; `Board.firmware_ended()` has to come, once."""

    app: Started
    reset: Reset


@dataclass(frozen=True, slots=True)
class Stop:
    """End the firmware at once, as a reset does."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Bytes for the firmware's console."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """For the log of the simulation."""

    text: str


Effect = Send | Start | Stop | Feed | Note


class Board:
    """One board, off until `power()`."""

    def __init__(self, chip: Chip, flash: Flash, mac: bytes, circuit: Circuit) -> None:
        self.chip = chip
        self.flash = flash
        self.mac = mac
        self.mode = Mode.OFF
        self.deadline: float | None = None
        self.boots = 0
        self.app: Started | None = None
        self._circuit = circuit
        self._pins = Pins()
        self._button = False
        self._baud = BAUD
        self._host_baud = BAUD
        self._measures = False
        self._loader: Loader | None = None
        self._frames = slip.Decoder(2 * FRAME_MOST)
        self._next = Reset.POWER_ON
        self._alive = False
        self._effects: list[Effect] = []

    def drain(self) -> list[Effect]:
        """What is to be done, in order."""
        effects, self._effects = self._effects, []
        return effects

    def power(self, now: float, *, on: bool) -> None:
        """Plug it in, or pull the plug."""
        if on and self.mode is Mode.OFF:
            self._restart(Reset.POWER_ON, now)
        elif not on:
            self._halt(Mode.OFF)

    def reset(self, reset: Reset, now: float) -> None:
        """By itself, or by its button."""
        if self.mode is not Mode.OFF:
            self._restart(reset, now)

    def button(self, *, down: bool) -> None:
        """The boot button, which counts when the chip starts."""
        self._button = down

    def lines(self, now: float, *, dtr: bool, rts: bool) -> None:
        """The host has changed them."""
        before, self._pins = self._pins, self._circuit.change(dtr=dtr, rts=rts)
        if self.mode is Mode.OFF:
            return
        if self._pins.reset:
            self._halt(Mode.HELD)
        elif self.mode is Mode.HELD:
            self._next = self._circuit.reason
            self._settle(now)
        elif self.mode is Mode.STARTING and self._pins != before:
            self._settle(now)

    def baud(self, baud: int) -> None:
        """The host has changed its speed; the ROM measures it until it is spoken to."""
        self._host_baud = baud

    def receive(self, data: bytes, now: float) -> None:
        """Bytes from the host, as they are at the chip's speed."""
        if self.mode is Mode.RUNNING:
            self._effects.append(Feed(data))
        if self._loader is None:
            return
        for payload in self._frames.feed(data):
            self._answer(payload, now)
            if self._loader is None:
                return

    @property
    def speed(self) -> int:
        """That the chip's UART listens and talks at: in the ROM, the host's, until another is agreed."""
        return self._host_baud if self._measures else self._baud

    def firmware_wrote(self, data: bytes) -> None:
        """On its console, which passes any byte: Improv is spoken there too."""
        if self.mode is Mode.RUNNING:
            self._send(data)

    def firmware_ended(self, now: float, *, wanted: bool) -> None:
        """`wanted`: it asked to start again. Otherwise it crashed, unless the board had stopped it."""
        self._alive = False
        if self.mode is Mode.RUNNING:
            self._next = Reset.RESTART if wanted else Reset.PANIC
            self.mode, self.deadline = Mode.STOPPED, now + (0.0 if wanted else CRASH_SECONDS)
            if not wanted:
                self._print(PANIC)
        elif self.mode is Mode.STARTING and self.deadline is None:
            self._start(now)

    def tick(self, now: float) -> None:
        """Call it at `deadline` or later; before, it does nothing."""
        if self.deadline is None or now < self.deadline:
            return
        if self.mode is Mode.STARTING:
            self._start(now)
        elif self.mode is Mode.STOPPED:
            self._restart(self._next, now)

    def _halt(self, mode: Mode) -> None:
        if self.mode is Mode.RUNNING and self._alive:
            self._effects.append(Stop())
        self.mode, self.deadline, self._loader, self.app = mode, None, None, None
        self._baud, self._measures = BAUD, False
        self._frames.reset()

    def _restart(self, reset: Reset, now: float) -> None:
        self._halt(Mode.HELD)
        if not self._pins.reset:
            self.mode, self._next = Mode.STARTING, reset
            self._start(now)

    def _settle(self, now: float) -> None:
        """Out of reset, as soon as the pins are what they will be."""
        self.mode = Mode.STARTING
        self.deadline = now + self._pins.settle if self._pins.settle else None
        if self.deadline is None:
            self._start(now)

    def _start(self, now: float) -> None:
        """Unless firmware of before has still to go."""
        self.deadline = None
        if self._alive:
            return
        self.boots += 1
        if self._pins.download or self._button:
            self._download()
        else:
            self._boot(now)

    def _download(self) -> None:
        self._print(boot.download_text(self.chip, self._next))
        self.mode, self._measures = Mode.LOADER, True
        self._loader = Rom(self.chip, self.flash, self._registers(self.chip.strap_download), self._security())

    def _boot(self, now: float) -> None:
        result = boot.boot(self.flash, self.chip, self._next)
        for write in result.writes:
            self.flash.replace(write.offset, write.data)
        self._print(result.text)
        if isinstance(result.end, Started):
            self.mode, self.app, self._alive = Mode.RUNNING, result.end, True
            self._effects.append(Start(result.end, self._next))
        else:
            self.mode, self._next = Mode.STOPPED, result.end.reset
            self.deadline = now + result.end.seconds

    def _answer(self, payload: bytes, now: float) -> None:
        assert self._loader is not None
        self._baud, answer = self.speed, self._loader.frame(payload)
        self._measures = self._measures and not answer.frames
        for frame in answer.frames:
            self._send(slip.encode(frame))
        if answer.baud is not None:
            self._baud = answer.baud
            self._loader.registers.set_baud(answer.baud)
        if answer.event is Event.STUB and isinstance(self._loader, Rom):
            self._run_stub(self._loader)
        elif answer.event is Event.RESET:
            self._restart(Reset.RTC_WATCHDOG, now)
        elif answer.event is Event.RUN:
            self._restart(Reset.SOFTWARE, now)

    def _run_stub(self, rom: Rom) -> None:
        self._effects.append(Note(f"program in RAM started: {rom.ram.describe()}"))
        self.mode, self._loader = Mode.STUB, Stub(rom.flash, rom.registers, rom.security)
        self._send(slip.encode(GREETING))

    def _registers(self, strap: int) -> Registers:
        registers = Registers(self.chip, self.flash, self.mac, strap)
        registers.set_baud(BAUD)
        return registers

    def _security(self) -> bytes:
        """No flags, no encryption, no keys; the chip's id; API version 0 (esp_rom's GET_SECURITY_INFO)."""
        return struct.pack("<IB7BII", 0, 0, *bytes(7), self.chip.id, 0)

    def _print(self, text: str) -> None:
        self._send(text.replace("\n", "\r\n").encode())

    def _send(self, data: bytes) -> None:
        self._effects.append(Send(data, self._baud))
