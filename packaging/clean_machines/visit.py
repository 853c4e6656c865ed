"""A checkout on a machine, and what a person does there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from clean_machines.machine import Done, Machine, descendant, kill

SPOKEN = re.compile(
    r'heard="what is twelve times seven" said="Twelve times seven is eighty four\." first_audio_ms=\d+\n\Z'
)
_NOT_OURS = re.compile(r"^.*\b(?:warning|deprecat|notice)\b.*$", re.IGNORECASE | re.MULTILINE)
_LATE = "no transcript after"
_PATIENCE = 5
_LINE = re.compile(r"^first run, as root: (.*)$", re.MULTILINE)


class Failed(Exception):
    """A row that did not do what it should, with what was printed."""


@dataclass(slots=True)
class Visit:
    """Someone with a fresh clone."""

    machine: Machine
    user: str
    folder: str
    python: str = ""
    late: int = 0  # how often the recogniser fell behind on a busy machine, and the question was asked again

    @property
    def place(self) -> Path:
        return Path(f"{self.machine.root}{self.folder}")

    def clone(self, source: Path) -> None:
        """A fresh clone of the commit that is checked out there."""
        subprocess.run(["rm", "-rf", str(self.place)], check=True)
        self.place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "clone", "-q", "--no-local", str(source), str(self.place)], check=True)
        self.machine.run(["chown", "-R", f"{self.user}:{self.user}", self.folder])

    def make(self, *targets: str, alone: bool = False) -> Done:
        return self.machine.run(self.command(*targets), user=self.user, folder=self.folder, alone=alone)

    def command(self, *targets: str) -> list[str]:
        return ["make", *targets, *([f"PYTHON={self.python}"] if self.python else [])]

    def talk(self) -> None:
        """`make talk`, as README says it ends, with nothing of a packaging tool on the way.

        Raises:
            Failed: another end, or a warning.
        """
        done = self.make("talk")
        if self.user != "root" and (line := _LINE.search(done.output)):
            if self.machine.run(["sh", "-c", line[1]]).status != 0:
                raise Failed(f"the line for root does not work: {line[1]}")
            done = self.make("talk")
        while _LATE in done.output and self.late < _PATIENCE:
            self.late += 1
            done = self.make("talk")
        if done.status != 0 or not SPOKEN.search(done.output):
            raise Failed(done.output)
        if warning := _NOT_OURS.search(done.output):
            raise Failed(f"a warning: {warning[0]}")

    def serve(self) -> None:
        """`make run` with no network at all: it invites to talk, and SIGTERM ends it with 0.

        Raises:
            Failed: it does not.
        """
        with self.machine.start(
            self.command("run"), user=self.user, folder=self.folder, alone=True
        ) as process:
            said = ""
            while "Talk to it: http://localhost:7860" not in said:
                line = process.stdout.readline() if process.stdout else ""
                if not line:
                    raise Failed(said)
                said += line
            gateway = descendant(process.pid, "voicegw serve")
            if gateway is None:
                raise Failed(f"no gateway runs: {said}")
            os.kill(gateway, signal.SIGTERM)
            rest, _ = process.communicate(timeout=60)
            if process.returncode != 0:
                raise Failed(f"it ended with {process.returncode}: {said}{rest}")

    def set_up_log(self) -> str:
        """What the set-up wrote down, if it began."""
        log = self.place / "build" / "set-up.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def break_off(self, phase: str) -> None:
        """Cut the power as soon as the set-up's log names a phase.

        Raises:
            Failed: it never got there.
        """
        log = self.place / "build" / "set-up.log"
        with self.machine.start(self.command("set-up-run"), user=self.user, folder=self.folder) as process:
            while not (log.exists() and phase in log.read_text(errors="replace")):
                if process.poll() is not None:
                    raise Failed(f"it was over before {phase}")
            kill(process)
