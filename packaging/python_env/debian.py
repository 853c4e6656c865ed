"""What the machine has to bring, as Debian's packages."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from python_env.problems import Problem
from python_env.programs import Programs, say

RUN = ("libflite1", "libspeexdsp1")
TEST = (
    *(
        "chromium",
        "flite",
        "iproute2",
        "mosquitto",
        "cmake",
        "ninja-build",
        "gcc",
        "g++",
        "clang",
        "clang-format",
        "gcovr",
        "nats-server",
        "valgrind",
    ),
    *("libclang-rt-dev", "libcmocka-dev", "libmbedtls-dev", "libopus-dev", "libsodium-dev", "libsrtp2-dev"),
    *("gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf"),
    *("coturn", "nginx-light", "haproxy", "caddy"),
)
UNCHANGED = (
    *("npm", "python3-gi", "gir1.2-gst-plugins-bad-1.0"),
    *(f"gstreamer1.0-{name}" for name in ("nice", "plugins-base", "plugins-good", "plugins-bad")),
)
"""Clients that others wrote, for `make unchanged`; nothing else needs them."""
_POCKETSPHINX_WHEELS = frozenset(((3, 11), (3, 13)))  # of the pinned release; elsewhere it is compiled


def bring(level: str, programs: Programs) -> None:
    """Install what is missing, as root or with a sudo that asks nothing; on other systems name it.

    Raises:
        Problem: it needs the user, who gets the one line to run.
    """
    if not (shutil.which("dpkg-query") and shutil.which("apt-get")):
        _name(level)
        return
    missing = [name for name in dict.fromkeys(_needed(level)) if not _is_there(name)]
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    as_root = _as_root()
    if as_root is None:
        raise Problem(f"this machine lacks {', '.join(missing)}", remedy=_line(install))
    say(f"installing {' '.join(missing)} …")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:  # a list that can't be had need not matter: the package may be known already
        programs.run("apt-get update", [*as_root, "apt-get", "update", "-qq"], environment)
    except Problem as problem:
        programs.note(problem.cause)
    wait = ["-qq", "-o", "DPkg::Lock::Timeout=120"]
    programs.run("apt-get install", [*as_root, *install, *wait], environment)


def _needed(level: str) -> Iterator[str]:
    yield from RUN if level == "run" else (*RUN, *TEST)
    if level == "unchanged":
        yield from UNCHANGED
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if sys.base_prefix == "/usr" and not (find_spec("ensurepip") and find_spec("venv")):
        yield f"{python}-venv"
    if sys.version_info[:2] not in _POCKETSPHINX_WHEELS:
        yield from ("gcc", "libc6-dev")
        if sys.base_prefix == "/usr" and not Path(sysconfig.get_path("include"), "Python.h").exists():
            yield f"{python}-dev"


def _is_there(package: str) -> bool:
    """Whether it is installed, or its program is: an npm that came with another Node.js conflicts with Debian's."""
    if shutil.which(package):
        return True
    command = ["dpkg-query", "-W", "-f=${Status}", package]
    return "ok installed" in subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _as_root() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    asks = (
        subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if shutil.which("sudo")
        else None
    )
    return ["sudo", "-n"] if asks is not None and asks.returncode == 0 else None


def _line(install: list[str]) -> str:
    if shutil.which("sudo"):
        return "first run: sudo apt-get update; sudo " + " ".join(install)
    return "first run, as root: apt-get update; " + " ".join(install)


def _name(level: str) -> None:
    """Debian's names for what is needed, where its tools can't say what is there."""
    if not find_spec("ensurepip"):
        raise Problem(
            "this Python has neither ensurepip nor pip",
            remedy="install your system's package for python3 -m venv",
        )
    needed = " ".join(_needed(level))
    print(
        f"{platform.system()} without dpkg and apt-get: not tried. By hand, in its own names: {needed}",
        file=sys.stderr,
    )
