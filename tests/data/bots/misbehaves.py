"""An echo until its client asks for trouble, as `{"type": "block"}` say: see `TROUBLES`."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from pipecat.runner.types import SmallWebRTCRunnerArguments

from gateway.bots import echo
from gateway.wire.frames import Kind

_kept: list[asyncio.Task[None]] = []


def _raise() -> None:
    raise RuntimeError("asked to raise")


def _block() -> None:
    print("blocking from now on", flush=True)  # noqa: T201 -- the gateway's log gets it
    time.sleep(3_600)


def _hold_the_interpreter() -> None:
    threading.Thread(target=re.match, args=(r"(a+)+$", "a" * 64 + "b"), daemon=True).start()
    re.match(r"(a+)+$", "a" * 64 + "b")


def _interrupt() -> None:
    raise KeyboardInterrupt


def _fork() -> None:
    for _ in range(3):
        subprocess.Popen(["sleep", "3600"], start_new_session=True)
    multiprocessing.get_context("fork").Process(target=time.sleep, args=(3_600,)).start()
    os._exit(9)


def _crash() -> None:
    ctypes.string_at(0)


def _close_descriptors() -> None:
    os.closerange(0, 100)


def _print_binary() -> None:
    for _ in range(100):
        os.write(1, os.urandom(100_000))


def _eat_memory() -> None:
    kept = []
    while True:
        kept.append(bytearray(b"x" * (16 << 20)))


def _garbage(connection: Any) -> None:
    connection._pair._sock.send(os.urandom(10_000))


def _flood(connection: Any) -> None:
    """Send what is allowed, and much more of it."""

    async def say() -> None:
        for _ in range(100_000):
            connection.send_app_message({"label": "rtvi-ai", "type": "server-message", "data": "x" * 500})
            connection._say(bytes(2_000), 16_000)
            connection._pair.signal(Kind.BEAT)
            await asyncio.sleep(0)

    _kept.append(asyncio.get_running_loop().create_task(say()))


def _hog() -> None:
    for _ in range(4):
        subprocess.Popen([sys.executable, "-c", "while True: pass"])


TROUBLES: dict[str, Callable[[], None]] = {
    "raise": _raise,
    "block": _block,
    "exit": lambda: os._exit(7),
    "sys.exit": lambda: sys.exit("no key for its model"),
    "interrupt": _interrupt,
    "stop": lambda: asyncio.get_running_loop().stop(),
    "crash": _crash,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "interpreter": _hold_the_interpreter,
    "fork": _fork,
    "descriptors": _close_descriptors,
    "binary": _print_binary,
    "memory": _eat_memory,
    "hog": _hog,
}


ON_THE_PAIR: dict[str, Callable[[Any], None]] = {"garbage": _garbage, "flood": _flood}


async def bot(runner_args: SmallWebRTCRunnerArguments) -> None:
    """Echo beside a task that waits for the request. `leave` returns; `stay` does not end with its call."""
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def heard(_connection: Any, message: Any) -> None:
        asked.put_nowait(str(message["type"]))

    runner_args.webrtc_connection.add_event_handler("app-message", heard)
    echoing = asyncio.create_task(echo.bot(runner_args))
    while not echoing.done():
        asking = asyncio.create_task(asked.get())
        await asyncio.wait({echoing, asking}, return_when=asyncio.FIRST_COMPLETED)
        if echoing.done():
            asking.cancel()
            break
        if (wanted := asking.result()) == "leave":
            return
        if wanted == "stay":
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("it is asked to stay", flush=True)  # noqa: T201 -- the gateway's log gets it
            await asyncio.Event().wait()
        elif wanted in TROUBLES:
            TROUBLES[wanted]()
        elif wanted in ON_THE_PAIR:
            ON_THE_PAIR[wanted](runner_args.webrtc_connection)
