"""What a bot's process does in tests of that process: what the job's body says. `run` stands for gateway.bot.run's."""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import importlib
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loguru import logger
from numpy import random as numpy_random

from gateway.bot import loading, system
from gateway.wire.calls import BotJob

_kept: list[Any] = []


def run(sock: socket.socket, job: BotJob) -> None:
    """Do it, and tell what comes of it as a line."""
    told = _DEEDS[job.body["do"]](sock, job.body)
    sock.sendall(json.dumps(told).encode() + b"\n")


def _return(_sock: socket.socket, _body: dict[str, Any]) -> str:
    return "returned"


def _raise(_sock: socket.socket, _body: dict[str, Any]) -> None:
    raise ValueError("no such voice")


def _exit(_sock: socket.socket, body: dict[str, Any]) -> None:
    os._exit(body["status"])


def _sys_exit(_sock: socket.socket, body: dict[str, Any]) -> None:
    sys.exit(body["status"])


def _crash(_sock: socket.socket, _body: dict[str, Any]) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _hold_the_gil(sock: socket.socket, _body: dict[str, Any]) -> None:
    sock.sendall(b"holding\n")
    ctypes.PyDLL(None).sleep(3_600)


def _wait(sock: socket.socket, _body: dict[str, Any]) -> None:
    sock.sendall(b"waiting\n")
    sock.recv(1)


def _ignore_sigterm(sock: socket.socket, body: dict[str, Any]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _wait(sock, body)


def _start_others(sock: socket.socket, body: dict[str, Any]) -> None:
    """One of the group, one of a session of its own, and one whose parent is gone and that has left the session."""
    sleep = ["sleep", "1000"]
    away = subprocess.Popen(sleep, start_new_session=True)
    program = "import subprocess; print(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid, flush=True)"
    gone = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert gone.stdout is not None
    orphan = int(gone.stdout.readline())
    gone.wait()
    sock.sendall(f"{subprocess.Popen(sleep).pid} {away.pid} {orphan}\n".encode())
    sock.recv(1)
    if body.get("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)


def _close_descriptors(_sock: socket.socket, _body: dict[str, Any]) -> None:
    os.closerange(0, 100)


def _print(_sock: socket.socket, body: dict[str, Any]) -> str:
    sys.stdout.write("a line\n")
    sys.stdout.buffer.write(bytes(range(256)) + b"\n")
    sys.stdout.buffer.write(b"x" * body["bytes"] + b"\n")
    print("the last line", file=sys.stderr)  # noqa: T201 -- what it is for
    return "printed"


def _eat(_sock: socket.socket, _body: dict[str, Any]) -> None:
    while True:
        _kept.append(bytearray(16 << 20))


def _at_exit(_sock: socket.socket, body: dict[str, Any]) -> str:
    """What waits to be reported until the process ends, and what is logged by a thread."""
    atexit.register(Path(body["last"]).write_text, "sent")
    logger.remove()
    logger.add(body["log"], format="{message}", enqueue=True)
    for _ in range(1_000):
        logger.info("logged")
    return "registered"


def _swarm(sock: socket.socket, body: dict[str, Any]) -> None:
    for _ in range(body["count"]):
        subprocess.Popen(["sleep", "1000"])
    _wait(sock, body)


def _look(_sock: socket.socket, _body: dict[str, Any]) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "group": os.getpgid(0),
        "session": os.getsid(0),
        "descriptors": {
            fd: str(Path(f"/proc/self/fd/{fd}").readlink()) for fd in sorted(system.descriptors())
        },
        "random": [random.random(), float(numpy_random.random())],  # noqa: NPY002, S311 -- what bots use
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "mask": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "handlers": {
            s.name: str(signal.getsignal(s)) for s in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT)
        },
        "environment": {k: v for k, v in os.environ.items() if k.startswith("VOICEGW_")},
        "modules": sorted(m for m in sys.modules if m.startswith("gateway.bots")),
        "at": time.monotonic(),
    }


def _beside(_sock: socket.socket, body: dict[str, Any]) -> str:
    """What the bot's own `helpers.py` says, imported while its call is held."""
    loading.load(body["file"])
    return str(importlib.import_module("helpers").WHOSE)


def _call(_sock: socket.socket, body: dict[str, Any]) -> object:
    """What the bot itself gives."""
    return asyncio.run(loading.load(body["file"]).bot(body))


_DEEDS: dict[str, Callable[[socket.socket, dict[str, Any]], object]] = {
    "return": _return,
    "raise": _raise,
    "exit": _exit,
    "sys.exit": _sys_exit,
    "crash": _crash,
    "hold the gil": _hold_the_gil,
    "wait": _wait,
    "ignore sigterm": _ignore_sigterm,
    "start others": _start_others,
    "at exit": _at_exit,
    "close descriptors": _close_descriptors,
    "print": _print,
    "eat": _eat,
    "swarm": _swarm,
    "look": _look,
    "beside": _beside,
    "call": _call,
}
