"""The steps: what is there already, what the machine lacks, .venv, the packages."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path
from typing import TextIO

from python_env import debian, lock
from python_env.environment import Environment
from python_env.problems import Problem, of_system
from python_env.programs import Programs, say

LEVELS = ("run", "test", "unchanged", "lock")
ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Set up for `run` or `test`, bring what `unchanged` needs beside, or make the lock files anew.

    Gives 0, or 1 with a cause and a remedy on stderr.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if not arguments or arguments[-1] not in LEVELS:
        _tell(Problem("set_up.py is not told what for", remedy=f"give one of: {', '.join(LEVELS)}"))
        return 1
    try:
        _main(arguments[-1], chosen="--with-this-python" in arguments)
    except Problem as problem:
        _tell(problem)
    except OSError as error:
        _tell(of_system(error))
    except KeyboardInterrupt:
        print("\nbroken off; the next run goes on from what is there", file=sys.stderr)
    else:
        return 0
    return 1


def _tell(problem: Problem) -> None:
    print(f"error: {problem.cause}\n{problem.remedy}", file=sys.stderr)


def _main(level: str, *, chosen: bool) -> None:
    os.chdir(ROOT)
    environment = Environment(ROOT)
    if level == "lock":
        lock.renew(environment, Programs(ROOT))
    elif level == "unchanged":
        debian.bring(level, Programs(ROOT))
    elif not _is_ready(environment, level, chosen=chosen):
        (ROOT / "build").mkdir(exist_ok=True)
        with (ROOT / "build" / "set-up.lock").open("w") as only_one:
            _wait_for(only_one)
            if not _is_ready(environment, level, chosen=chosen):  # another make may have done it meanwhile
                _set_up(environment, level, chosen=chosen)


def _wait_for(only_one: TextIO) -> None:
    try:
        fcntl.flock(only_one, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another set-up of this folder is under way; waiting for its end …")
        fcntl.flock(only_one, fcntl.LOCK_EX)


def _is_ready(environment: Environment, level: str, *, chosen: bool) -> bool:
    return _keeps(environment, chosen=chosen) in {level, "test"} and environment.current()


def _keeps(environment: Environment, *, chosen: bool) -> str:
    """How much of what is installed can stay; "" for nothing."""
    fits = not chosen or environment.has_python(f"{sys.version_info.major}.{sys.version_info.minor}")
    return environment.level() if fits else ""


def _set_up(environment: Environment, level: str, *, chosen: bool) -> None:
    programs = Programs(ROOT)
    kept = _keeps(environment, chosen=chosen)
    if kept == "test":
        level = kept
    debian.bring(level, programs)
    say("setting up Python packages …")
    if not kept:
        environment.make(programs)
    environment.install(level, programs)
