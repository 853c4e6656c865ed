"""One call's way between a board and its gateway: two sockets, and a channel for each direction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from hil.path.link import CLEAR, Channel, Impairments, Kind, kind_of
from hil.path.sdp import Candidate
from hil.path.trace import Trace, Way

Address = tuple[str, int]
_AT_ONCE: Final = 0.0002  # seconds: less than a timer could wait


class _Side(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, Address], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._received(data, addr)


class Relay:
    """Stands in for each end toward the other.

    Args:
        number: of the call.
        trace: is told of every packet.
    """

    def __init__(self, number: int, trace: Trace) -> None:
        self.number = number
        self._trace = trace
        self._loop = asyncio.get_running_loop()
        self._board: Address | None = None
        self._gateway: Address | None = None
        self.impair(CLEAR, CLEAR, seed=0, began=0.0)

    async def open(self, board_side: str, gateway_side: str) -> None:
        """Bind both sockets, each on the address by which its end reaches this machine."""
        self._to_board, _ = await self._loop.create_datagram_endpoint(
            lambda: _Side(self._from_board), local_addr=(board_side, 0)
        )
        self._to_gateway, _ = await self._loop.create_datagram_endpoint(
            lambda: _Side(self._from_gateway), local_addr=(gateway_side, 0)
        )

    def impair(self, up: Impairments, down: Impairments, *, seed: int, began: float) -> None:
        """Be such a path, one that became so at `began`; the packets are counted anew."""
        self._up = Channel(up, f"{seed}/up", began)
        self._down = Channel(down, f"{seed}/down", began)

    @property
    def board_port(self) -> int:
        """Where the board shall send to."""
        return int(self._to_board.get_extra_info("sockname")[1])

    @property
    def gateway_port(self) -> int:
        """Where the gateway shall send to."""
        return int(self._to_gateway.get_extra_info("sockname")[1])

    def meet(self, *, board: Candidate | None = None, gateway: Candidate | None = None) -> None:
        """Learn where an end is, from its description."""
        if board is not None:
            self._board = (board.address, board.port)
        if gateway is not None:
            self._gateway = (gateway.address, gateway.port)

    def close(self) -> None:
        """Let nothing through any more."""
        self._to_board.close()
        self._to_gateway.close()

    def _from_board(self, data: bytes, address: Address) -> None:
        if kind_of(data) is Kind.ICE:
            self._board = address  # behind an address translator it is not the one that it offers
        self._carry("up", self._up, data, lambda out: self._send(self._to_gateway, self._gateway, out))

    def _from_gateway(self, data: bytes, _address: Address) -> None:
        self._carry("down", self._down, data, lambda out: self._send(self._to_board, self._board, out))

    def _carry(self, way: Way, channel: Channel, data: bytes, send: Callable[[bytes], None]) -> None:
        now = self._loop.time()
        passage = channel.carry(now, data)
        self._trace.note(now, way, self.number, data, passage)
        for at, out in passage.deliveries:
            if at - now < _AT_ONCE:
                send(out)
            else:
                self._loop.call_at(at, send, out)

    @staticmethod
    def _send(transport: asyncio.DatagramTransport, to: Address | None, data: bytes) -> None:
        if to is not None and not transport.is_closing():
            transport.sendto(data, to)
