"""Devices: the firmware's own table of states and back-off, compiled, driven by the simulated clock."""

from __future__ import annotations

import asyncio
import ctypes
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.simulated.machines import Front
from gateway.errors import Busy, GatewayError
from gateway.wire.calls import OfferCall
from gateway.wire.sdp import Client

_SOURCE: Final = Path(__file__).parents[2] / "firmware" / "components" / "voice" / "src"
_STATES: Final = ("provisioning", "network", "discovery", "signalling", "connecting", "live", "backoff")
CONFIGURED, LINK_UP, FOUND, ANSWERED, CONNECTED, FAILED, RETRY = 0, 2, 4, 5, 6, 7, 9
"""Of enum session_event."""
FOUND_SECONDS: Final = (0.02, 0.12)
"""mDNS: RFC 6762, section 6, has several answer at 20 to 120 ms."""
CONNECT_SECONDS: Final = (0.15, 0.5)
"""ICE and DTLS, of a chip."""
NOTICE_SECONDS: Final = (1.5, 1.625)
"""For a device to miss its gateway: SILENCE_US of call.c, and its look each 250 ms."""
RETRY_AFTER: Final = 2
"""What a front that is busy answers (front/routes/common.py)."""


class _Session(ctypes.Structure):
    _fields_ = (
        ("state", ctypes.c_int),
        ("since", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("last_failure", ctypes.c_int),
        ("attempts", ctypes.c_uint32),
        ("random", ctypes.c_uint32),
    )


def compiled(folder: Path, paces: str | None = None) -> ctypes.CDLL:
    """The firmware's table; with other `paces`, as C has them, to see what those would do."""
    source = (_SOURCE / "call" / "session.c").read_text()
    if paces is not None:
        source, count = re.subn(r"(\} paces\[\] = \{)[^;]*(\};)", rf"\1{paces}\2", source)
        assert count == 1
    own = folder / "session.c"
    own.write_text(source)
    library = folder / "session.so"
    files = [str(own), str(_SOURCE / "call" / "reason.c")]
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", f"-I{_SOURCE}", "-o", str(library), *files], check=True)
    found = ctypes.CDLL(str(library))
    found.session_handle.argtypes = (
        *(ctypes.POINTER(_Session), ctypes.c_uint64, ctypes.c_int, ctypes.c_int, ctypes.c_uint32),
    )
    found.session_handle.restype = ctypes.c_bool
    found.session_init.argtypes = (ctypes.POINTER(_Session), ctypes.c_uint64, ctypes.c_uint32)
    return found


@dataclass
class Device:
    """One, that calls until it is live, and again when its host is gone."""

    number: int
    table: ctypes.CDLL
    fronts: Sequence[Front]
    uniform: Callable[[float, float], float]
    offer_sdp: str
    live_at: float = -1.0
    tries: int = 0
    host: str = ""

    def __post_init__(self) -> None:
        self._session = _Session()
        self._calls = 0
        self.table.session_init(self._session, self._now(), self.number * 2_654_435_761 % 2**32)
        self._handle(CONFIGURED)

    @property
    def state(self) -> str:
        return _STATES[self._session.state]

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e6)

    def _handle(self, event: int, reason: str = "none", retry_after: int = 0) -> None:
        number = self.table.reason_parse(reason.encode())
        self.table.session_handle(self._session, self._now(), event, number, retry_after)

    async def lose(self) -> None:
        """Its host is gone without a word."""
        await asyncio.sleep(self.uniform(*NOTICE_SECONDS))
        self._handle(FAILED, "gateway_silent")
        await self.call()

    async def call(self) -> None:
        """Be live again, however often it takes."""
        while self.state != "live":
            if self.state == "backoff":
                await asyncio.sleep(
                    max(0.0, self._session.deadline / 1e6 - asyncio.get_running_loop().time())
                )
                self._handle(RETRY)
                continue
            self._handle(LINK_UP)
            await asyncio.sleep(self.uniform(*FOUND_SECONDS))
            self._handle(FOUND)
            await self._signal()
        self.live_at = asyncio.get_running_loop().time()

    async def _signal(self) -> None:
        self.tries += 1
        self._calls += 1
        left = self._session.deadline / 1e6 - asyncio.get_running_loop().time()
        alive = [front for front in self.fronts if not front.member.dead]
        front = alive[int(self.uniform(0, len(alive)))]
        try:
            await asyncio.wait_for(front.offer(self._offer()), left)
        except TimeoutError:
            self._handle(FAILED, "signalling_timeout")
        except Busy:
            self._handle(FAILED, "gateway_busy", RETRY_AFTER)
        except GatewayError:
            self._handle(FAILED, "gateway_error")
        else:
            self._handle(ANSWERED)
            await asyncio.sleep(self.uniform(*CONNECT_SECONDS))
            self._handle(CONNECTED)

    def _offer(self) -> OfferCall:
        return OfferCall(
            session_id=f"{self.number}-{self._calls}",
            sdp=self.offer_sdp,
            type="offer",
            client=Client.DEVICE,
            device=f"d{self.number}",
            bot="echo",
            address="127.0.0.1",
            remote="127.0.0.1",
        )
