"""The board on a TCP port, with a clock and its firmware: everything that does I/O meets here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from hil.simboard.board import Board, Feed, Mode, Note, Send, Start, Stop
from hil.simboard.chips import BAUD, Reset
from hil.simboard.errors import SimboardError
from hil.simboard.faults import Fault, Line
from hil.simboard.firmware import REBOOTED, Firmware
from hil.simboard.rfc2217 import Port

log = logging.getLogger("simboard")
PIECE = 4096
UNSENT_MOST = 256 * 1024
"""What a host may leave unread before the board's output is lost, as a UART's is."""


class Launcher(Protocol):
    """Makes the firmware ready, and tidies up after it."""

    def command(self, start: Start) -> Sequence[str]:
        """What to run for it. Raises SimboardError, OSError."""

    async def ended(self, *, crashed: bool) -> None:
        """It is gone, by itself and not for a restart if it `crashed`. Raises SimboardError, OSError."""


class Server:
    """One board. `open()`, then `close()`; everything between happens by itself."""

    def __init__(self, board: Board, line: Line, launcher: Launcher) -> None:
        self.board = board
        self.line = line
        self._launcher = launcher
        self._port = 0
        self._listener: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._session: Port | None = None
        self._host_baud = BAUD
        self._stalled = False
        self._closing = False
        self._clock: asyncio.TimerHandle | None = None
        self._later: list[asyncio.TimerHandle] = []
        self._firmware: Firmware | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """TCP, on loopback."""
        return self._port

    async def open(self, port: int) -> None:
        """Plug it in, at that port or at any free one."""
        self._port = port
        await self.plug()

    async def close(self) -> None:
        """Unplug it, and wait for its firmware to be gone."""
        self._closing = True
        self.unplug()
        for timer in self._later:
            timer.cancel()
        await asyncio.gather(*self._tasks)

    async def plug(self) -> None:
        """Power, and the port is there."""
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._listener.sockets[0].getsockname()[1]
        self.board.power(self._now(), on=True)
        self._drain()

    def unplug(self) -> None:
        """No power, and the port is gone."""
        self.power_off()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._writer is not None:
            self._writer.transport.abort()

    def power_off(self) -> None:
        """The chip; the port stays: the serial adapter is fed by the host."""
        self.board.power(self._now(), on=False)
        self._drain()

    async def power_cycle(self) -> None:
        """Off and on."""
        self.power_off()
        await self.plug()

    def reset(self, reset: Reset) -> None:
        """The chip, by itself."""
        self.board.reset(reset, self._now())
        self._drain()

    def set_fault(self, fault: Fault) -> None:
        """From now on."""
        if fault.kind == "verify":
            self.board.flash.check(fault.at, 1)
            self.board.flash.weak = fault.at
        else:
            self.line.set(fault)

    def clear_faults(self) -> None:
        """All that last."""
        self.line.clear()
        self.board.flash.weak = None
        self._stalled = False

    @property
    def connected(self) -> bool:
        """Whether a host is at the port."""
        return self._session is not None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._session is not None:
            log.info("a second host was turned away")
            writer.close()
            return
        self._writer, self._session = writer, Port(self)
        try:
            while data := await reader.read(PIECE):
                self._session.take(data)
        except ConnectionError:
            pass
        except Exception:
            log.exception("the host was cut off")
        finally:
            self._session.hang_up()
            self._writer = self._session = None
            writer.close()

    def to_socket(self, data: bytes) -> None:
        """See rfc2217.Host."""
        if self._writer is not None and self._writer.transport.get_write_buffer_size() < UNSENT_MOST:
            self._writer.write(data)

    def from_host(self, data: bytes) -> None:
        """See rfc2217.Host."""
        if self._stalled:
            return
        data, happened = self.line.from_host(data)
        heard = self.line.garble(data, sent_at=self._host_baud, read_at=self.board.speed)
        self.board.receive(heard, self._now())
        self._drain()
        for fault in happened:
            self._happen(fault)

    def line_changed(self, baud: int, *, dtr: bool, rts: bool) -> None:
        """See rfc2217.Host."""
        self._host_baud = baud
        self.board.baud(baud)
        self.board.lines(self._now(), dtr=dtr, rts=rts)
        self._drain()

    def _happen(self, fault: Fault) -> None:
        log.info("%s happens", fault.kind)
        if fault.kind == "reset":
            self.reset(Reset.BROWN_OUT)
        elif fault.kind == "stall":
            self._stalled = True
            self._after(fault.seconds, self._resume)
        elif fault.kind == "unplug":
            self.unplug()
            self._after(fault.seconds, lambda: self._background(self.plug()))

    def _resume(self) -> None:
        self._stalled = False

    def _drain(self) -> None:
        """Do what the board wants done, and look at the clock for it."""
        for effect in self.board.drain():
            match effect:
                case Send():
                    self._send(effect)
                case Start():
                    self._firmware = Firmware(self._wrote)
                    self._background(self._run(self._firmware, effect))
                case Stop():
                    if self._firmware is not None:
                        self._firmware.stop(gently=self._closing)
                case Feed(data):
                    if self._firmware is not None:
                        self._firmware.feed(data)
                case Note(text):
                    log.info("%s", text)
        if self._clock is not None:
            self._clock.cancel()
        deadline = self.board.deadline
        self._clock = None if deadline is None else asyncio.get_running_loop().call_at(deadline, self._tick)

    def _send(self, effect: Send) -> None:
        if self._session is not None and not self._stalled:
            heard = self.line.garble(effect.data, sent_at=effect.baud, read_at=self._host_baud)
            self._session.send(self.line.to_host(heard))

    def _tick(self) -> None:
        self.board.tick(self._now())
        self._drain()

    def _wrote(self, data: bytes) -> None:
        self.board.firmware_wrote(data)
        self._drain()

    async def _run(self, firmware: Firmware, start: Start) -> None:
        status = None
        try:
            status = await firmware.run(self._launcher.command(start))
            await self._launcher.ended(crashed=self.board.mode is Mode.RUNNING and status != REBOOTED)
        except (SimboardError, OSError) as error:
            log.error("the firmware could not be run: %s", error)  # noqa: TRY400 -- it says what to do
        if status is not None and status > 0 and status != REBOOTED:
            log.error("the firmware ended with status %d", status)
        self._firmware = None
        self.board.firmware_ended(self._now(), wanted=status == REBOOTED)
        self._drain()

    def _after(self, seconds: float | None, act: Callable[[], None]) -> None:
        if seconds is not None:
            self._later = [timer for timer in self._later if timer.when() > self._now()]
            self._later.append(asyncio.get_running_loop().call_later(seconds, act))

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="simboard")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
