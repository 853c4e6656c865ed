"""Which board this run is about, and what this machine brings along for it."""

from __future__ import annotations

import datetime as dt
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
from hil.gateway import ROOT
from hil.options import BINARY, capabilities_of, check, kind_of, network, seconds
from hil.record.budgets import Budgets

QUESTION: Final = ROOT / "tests" / "data" / "speech" / "what_time_is_it.wav"


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
    gateway = None if option.gateway is None else gateway_url(option.gateway)
    backend = _backend(option)
    board = option.board or (backend.board if isinstance(backend, Qemu) else "")
    return Station(
        backend,
        board,
        gateway,
        network(option),
        option.release,
        soak_seconds=seconds(option.soak),
        slack=option.slack,
    )


def _backend(option: Namespace) -> Backend:
    port: str | None = option.port
    check(option, [port] if port else [], qemu=option.qemu_prog_path)
    kind = kind_of(option, port)
    if kind == "qemu":
        return Qemu(option)
    if kind == "serial":
        assert port is not None
        return SerialPort(
            port,
            capabilities_of(option.board),
            services=option.embedded_services or "serial",
            known_as=option.host,
            power_command=option.power_command,
        )
    binary = option.sim_binary or BINARY
    if kind == "simboard":
        return Simboard(binary.resolve(), QUESTION, option.run / "simboard")
    return Simulated(binary, QUESTION)
