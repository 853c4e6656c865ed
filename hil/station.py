"""Which board this run is about, and what this machine brings along for it."""

from __future__ import annotations

import datetime as dt
import os
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ground import text
from ground.typed import gateway_url
from hil.backends import Backend
from hil.backends.qemu import Qemu
from hil.backends.serial import SerialPort
from hil.backends.simboard import Simboard
from hil.backends.simulated import Simulated
from hil.errors import Unusable
from hil.gateway import ROOT
from hil.record.budgets import Budgets

QUESTION: Final = ROOT / "tests" / "data" / "speech" / "what_time_is_it.wav"
_BINARY: Final = ROOT / "firmware" / "build" / "host" / "voicesim"
_BOARDS: Final = ROOT / "firmware" / "components" / "boards"
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


def _version() -> str:
    return str(text.read_toml(ROOT / "pyproject.toml")["project"]["version"])


@dataclass(slots=True)
class Station:
    """The place of one board on the rig. `state` is what the board first said of itself."""

    backend: Backend
    board: str
    gateway_url: str | None = None
    wifi: dict[str, str] = field(default_factory=dict)
    release: Path | None = None
    flashed: bool = False
    soak_seconds: float = 0.0
    slack: float = 1.0
    state: dict[str, Any] = field(default_factory=dict)
    version: str = field(default_factory=_version)
    began: str = field(default_factory=lambda: dt.datetime.now().astimezone().isoformat(" ", "seconds"))

    @property
    def budgets(self) -> Budgets:
        """What its figures may be."""
        return Budgets(self.backend.kind, self.board, slack=self.slack)

    def facts(self) -> dict[str, Any]:
        """For the report."""
        return {
            "backend": self.backend.kind,
            "board": self.board,
            "id": self.state.get("id", ""),
            "firmware": self.state.get("fw", ""),
            "gateway": self.version,
            "began": self.began,
        }


def make_station(option: Namespace) -> Station:
    """From the options of a run.

    Raises:
        Unusable: what they ask for is not here. Trouble: what is given as a URL is none.
    """
    gateway = gateway_url(option.gateway) if option.gateway else None
    backend = _backend(option)
    network = option.wifi or os.environ.get("VOICEGW_WIFI_SSID", "")
    wifi = {"ssid": network, "password": os.environ.get("VOICEGW_WIFI_PASSWORD", "")} if network else {}
    board = option.board or ("qemu" if backend.kind == "qemu" else "")
    return Station(
        backend,
        board,
        gateway,
        wifi,
        option.release,
        soak_seconds=seconds(option.soak),
        slack=option.slack,
    )


def _backend(option: Namespace) -> Backend:
    kind = option.backend or ("serial" if option.port else "simboard")
    if kind == "qemu":
        return Qemu(option)
    if kind == "serial":
        if not option.port:
            raise Unusable("no --port; name the board's, such as --port /dev/ttyACM0")
        return SerialPort(
            option.port,
            capabilities_of(option.board),
            services=option.embedded_services or "serial",
            known_as=option.host,
            power_command=option.power_command,
        )
    binary = option.sim_binary or _BINARY
    if kind == "simboard":
        return Simboard(binary.resolve(), QUESTION, option.run / "simboard")
    return Simulated(binary, QUESTION)


def capabilities_of(board: str) -> frozenset[str]:
    """What a real board can do, by its file of facts; without a name, what every board of ours can.

    Raises:
        Unusable: there is no such board.
    """
    if not board:
        return frozenset({"audio_out", "flash", "mdns", "ota"})
    path = _BOARDS / f"{board}.toml"
    if not path.is_file():
        raise Unusable(
            f"there is no {path.relative_to(ROOT)}; leave out --board, or write it (docs/boards.md)"
        )
    facts = text.read_toml(path)
    has = {
        "audio_out": "speaker" in facts,
        "display": "display" in facts,
        "wifi": facts.get("network") == "wifi",
        "aec": bool(facts.get("echo_canceller")),
    }
    return frozenset({"flash", "mdns", "ota"} | {name for name, there in has.items() if there})


def seconds(text: str) -> float:
    """A duration such as 90s, 10m, 8h; `off` is 0.

    Raises:
        Unusable: it is none.
    """
    if text == "off":
        return 0.0
    try:
        return float(text[:-1]) * _UNITS[text[-1:]]
    except (ValueError, KeyError):
        raise Unusable(f"{text!r} is no duration; write 90s, 10m, 8h or off") from None
