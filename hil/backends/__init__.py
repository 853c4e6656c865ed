"""What a board can be: on a serial port, simulated here, or in an emulator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.errors import Unusable


@dataclass(frozen=True, slots=True)
class Reached:
    """How a board reaches this machine: it listens on `bind`, and the board calls it `known_as`."""

    bind: str
    known_as: str


class Backend(ABC):
    """One board, as far as its kind matters. `dut` is pytest-embedded's."""

    kind: str
    services: str  # pytest-embedded's, by which its console is reached
    capabilities: frozenset[str]
    reached: Reached

    @abstractmethod
    def open(self, folder: Path) -> str | None:
        """Make the board ready for a test; gives the serial port that its console is on."""

    @abstractmethod
    def reset(self, dut: Any) -> None:
        """Start the board anew, whatever state it is in."""

    def close(self) -> None:  # noqa: B027 -- most have nothing to let go of
        """Let go of it after the test."""

    def fate(self) -> str:
        """What has become of a board that is silent, where that can be seen."""
        return ""

    def starts(self) -> int:
        """How often it has started since `open`, where that can be counted."""
        return 0

    def speaker(self) -> Path | None:
        """The WAV file of what its speaker played in this test, where the rig can hear it."""
        return None

    def pid(self) -> int | None:
        """Its process, where it is one."""
        return None

    def power(self, on: bool) -> None:
        """Switch it off or on."""
        raise Unusable(f"a {self.kind} board cannot be switched {'on' if on else 'off'} by the rig")

    def release(self, version: str, fault: str = "") -> Path:
        """The folder of a release for it, of that version, and with that fault."""
        raise Unusable(f"there is no release {version} {fault} for a {self.kind} board")

    def flash(self, dut: Any, release: Path, *options: str) -> None:  # noqa: ARG002 -- a backend that can needs it
        """Write a release to it, by the project's own tool with these options."""
        raise Unusable(f"a {self.kind} board cannot be flashed with {release}")

    def panic(self) -> str:
        """Have its firmware panic; gives what its crash report will hold."""
        raise Unusable(f"a {self.kind} board cannot be made to panic by the rig")
