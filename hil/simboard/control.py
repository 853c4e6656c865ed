"""The control channel: lines in, lines out, on a TCP port of its own.

`state`, `reset`, `power on|off|cycle`, `plug`, `unplug`, `button down|up`, `fault SPEC`, `fault off`. Each is answered
with one line: `ok`, `ok {json}` or `err REASON`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from hil.simboard.chips import Reset
from hil.simboard.errors import BadCommand, SimboardError
from hil.simboard.faults import Fault
from hil.simboard.server import Server

LINE_MOST = 1024
CALLERS_MOST = 8


class Control:
    """For a few callers at once."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._listener: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()

    async def open(self, port: int) -> int:
        """At that port of loopback, or at any free one; gives it."""
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=LINE_MOST)
        number: int = self._listener.sockets[0].getsockname()[1]
        return number

    def close(self) -> None:
        """Everybody is sent away."""
        if self._listener is not None:
            self._listener.close()
        for caller in self._callers:
            caller.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._callers) == CALLERS_MOST:
            writer.close()
            return
        self._callers.add(writer)
        try:
            while line := await reader.readline():
                writer.write(await self._answer(line.decode(errors="replace").split()))
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # gone, or a line that is too long
        finally:
            self._callers.discard(writer)
            writer.close()

    async def _answer(self, words: list[str]) -> bytes:
        try:
            return f"ok {await obey(self._server, words)}".strip().encode() + b"\n"
        except SimboardError as error:
            return f"err {error}; {error.remedy}\n".encode()


async def obey(server: Server, words: list[str]) -> str:
    """One command. Raises SimboardError."""
    match words:
        case ["state"]:
            return json.dumps(state(server))
        case ["fault", "off"]:
            server.clear_faults()
        case ["fault", text]:
            server.set_fault(Fault.parse(text))
        case ["button", "down" | "up" as way]:
            server.board.button(down=way == "down")
        case _ if " ".join(words) in ACTIONS:
            await ACTIONS[" ".join(words)](server)
        case _:
            raise BadCommand(f"{' '.join(words)!r} is no command", remedy="see python -m hil.simboard --help")
    return ""


async def _reset(server: Server) -> None:
    server.reset(Reset.POWER_ON)


async def _unplug(server: Server) -> None:
    server.unplug()


async def _off(server: Server) -> None:
    server.power_off()


ACTIONS: dict[str, Callable[[Server], Awaitable[None]]] = {
    "reset": _reset,
    "plug": Server.plug,
    "unplug": _unplug,
    "power on": Server.plug,
    "power off": _off,
    "power cycle": Server.power_cycle,
}


def state(server: Server) -> dict[str, object]:
    """What there is to know of a board."""
    board, app = server.board, server.board.app
    return {
        "chip": board.chip.name,
        "mac": board.mac.hex(":"),
        "mode": board.mode.value,
        "boots": board.boots,
        "connected": server.connected,
        "slot": app.slot if app else None,
        "version": app.application.version if app else None,
    }
