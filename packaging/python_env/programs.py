"""Other people's programs: what they say goes to the log, never onto the screen."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from python_env.problems import Problem, of_log

_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_TAIL = 20_000


class Programs:
    """Runs programs in the checkout; each line that they print stands in one log, without credentials."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "build" / "set-up.log"
        self.log.parent.mkdir(exist_ok=True)
        self.log.write_text("", encoding="utf-8")

    def run(self, step: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run one to its end.

        Raises:
            Problem: it did not end well.
        """
        said = self._said(command, environment)
        if said is not None:
            raise of_log(step, self.log.relative_to(self.root), said)

    def note(self, line: str) -> None:
        """A line of our own in the log."""
        with self.log.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{line}\n")

    def _said(self, command: Sequence[str], environment: Mapping[str, str]) -> str | None:
        """What a program said that failed; None if it did not."""
        try:
            done = subprocess.Popen(
                command,
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="backslashreplace",
            )
        except OSError as error:
            raise _not_run(command[0], error) from None
        said = ""
        # a folder's name may be in another encoding than this
        with done, self.log.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"$ {' '.join(command)}\n")
            for line in done.stdout or ():
                clean = _CREDENTIALS.sub("****@", line)
                log.write(clean)
                said = (said + clean)[-_TAIL:]
        return said if done.returncode else None


def say(line: str) -> None:
    """A line for who watches, if anybody does."""
    if sys.stdout is None:
        return
    try:
        print(line, flush=True)
    except OSError:  # who read has gone, or a disk is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _not_run(program: str, error: OSError) -> Problem:
    cause = f"{program} can't be run: {error.strerror}"
    if error.errno == errno.EACCES and os.path.exists(program):  # noqa: PTH110
        return Problem(
            cause, remedy="look whether this folder is on a file system that is mounted noexec: findmnt -T ."
        )
    return Problem(cause, remedy="make clean, and again")
