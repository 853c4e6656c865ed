"""A child of the template from inside: settles, then waits for a call to hold, or holds what a bot's calls share."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import faulthandler
import importlib
import logging
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from loguru import logger

from gateway.bot import given, loading, sinks, system
from gateway.errors import ConfigError, GatewayError
from gateway.logs import set_up as set_up_logs
from gateway.settings import Settings
from gateway.wire.template import Birth, Lines, Prepared, Raised, Role, Work, encode
from gateway.wire.template import Fault as WireFault

RAISED_STATUS = 70
"""EX_SOFTWARE of sysexits.h: it raised, and said what on its control socket."""
_OWN_PREFIX = "VOICEGW_"
_LEAVE_SECONDS = 3
"""For engines to end by themselves; then the system ends them."""
_LAST_SECONDS = 3.0
"""For what was registered to be done at the end."""
_STDERR = 2
_BY_PYTHON: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGPIPE: signal.SIG_IGN,
}
"""What is not at its default in a fresh Python, and what it is there."""


@dataclass(frozen=True, slots=True)
class Life:
    """What a child is for. `loaded` says that it was forked from a process that has the bot's module."""

    settings: Settings
    worker: int
    bot: str
    runner: str
    role: Role
    loaded: bool = True

    @classmethod
    def of(cls, birth: Birth) -> Life:
        """From the message to a child that was not forked."""
        settings = Settings.model_validate(birth.settings)
        return cls(settings, birth.worker, birth.bot, birth.runner, birth.role, loaded=False)


def live(life: Life, control: socket.socket, parent: int) -> NoReturn:
    """Be a child until it is done, and end this process with a status that tells how.

    Args:
        life: what it is for.
        control: its end of the pair with the template.
        parent: the template's process id.
    """
    status = RAISED_STATUS
    try:
        _settle(life, parent)
        status = (_hold if life.role == "engines" else _wait)(life, control)
    except SystemExit as error:
        status = _status(error)
    except BaseException as error:  # noqa: BLE001 -- the last one who can tell
        _tell(life, control, error)
    finally:
        _do_last()
        sinks.flush()
        os._exit(status)


def _do_last() -> None:
    """Do what was registered to be done at the end of this process: what has waited to be reported is sent then."""
    with contextlib.suppress(Exception):
        doing = threading.Thread(target=atexit._run_exitfuncs, daemon=True)  # noqa: SLF001 -- nothing else runs them
        doing.start()
        doing.join(_LAST_SECONDS)


def _settle(life: Life, parent: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):  # those that the C library keeps for itself
            signal.signal(number, _BY_PYTHON.get(signal.Signals(number), signal.SIG_DFL))
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    with contextlib.suppress(PermissionError):  # where who spawned it has done so
        os.setsid()
    system.adopt_orphans()
    if life.role == "bot":
        system.end_with(parent, signal.SIGKILL)
    # Else each process that a bot starts by `multiprocessing` would import this program as well.
    vars(sys.modules["__main__"]).update(__spec__=None, __file__=None)
    given.settle(life.bot)
    sinks.settle(life.bot)
    if life.loaded:
        _forget_ends()
    else:
        set_up_logs(life.settings, worker=life.worker, relayed=True)
        importlib.import_module(life.runner)
        loading.load(life.bot)
    reseed()


def _forget_ends() -> None:
    """What was registered in the template, to be done at its end, is not this one's, but for what is to be told yet."""
    atexit._clear()  # noqa: SLF001
    for end in (logging.shutdown, logger.remove):
        atexit.register(end)
    if (sentry := sys.modules.get("sentry_sdk")) is not None:
        atexit.register(sentry.flush, _LAST_SECONDS)


def reseed() -> None:
    """Give what was copied with the template's memory a randomness of its own; the system's needs none."""
    random.seed()
    if (legacy := sys.modules.get("numpy.random")) is not None:  # numpy imports it at its first use
        legacy.seed()


def _wait(life: Life, control: socket.socket) -> int:
    """Wait for a job and do it; 0 also where none comes any more."""
    system.confine(life.settings.bot_limits)
    received = _receive(control)
    if received is None:
        return 0
    work, (sock, output) = received
    _redirect(output)
    os.environ.update(work.environment)
    sinks.of_session(work.job.session_id, life.worker)
    faulthandler.enable(_STDERR, all_threads=False)
    run: Callable[[socket.socket, Any], None] = importlib.import_module(life.runner).run
    run(socket.socket(fileno=sock), work.job)
    return 0


def _receive(control: socket.socket) -> tuple[Work, list[int]] | None:
    lines = Lines()
    while True:
        data, descriptors = system.receive(control, 2)
        for message in lines.take(data, descriptors):
            if isinstance(message, Work):
                return message, list(lines.descriptors)
        if not data:
            return None


def _redirect(output: int) -> None:
    """Send what is printed, by C as well, to the call's own pipe."""
    sinks.flush()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a module has put something of its own there, or closed it
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _hold(life: Life, control: socket.socket) -> int:
    """Hold a bot's `prepared` until the template lets go."""
    asyncio.run(_engines(life, control))
    return 0


async def _engines(life: Life, control: socket.socket) -> None:
    before = dict(os.environ)
    control.setblocking(False)
    async with loading.load(life.bot).prepared(life.settings):
        new = {k: v for k, v in os.environ.items() if k.startswith(_OWN_PREFIX) and before.get(k) != v}
        await asyncio.get_running_loop().sock_sendall(control, encode(Prepared(environment=new)))
        await asyncio.get_running_loop().sock_recv(control, 1)
        signal.alarm(_LEAVE_SECONDS)


def _status(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    logger.error("{}", error.code)
    return 1


def _tell(life: Life, control: socket.socket, error: BaseException) -> None:
    """Log what was raised, and pass it on to the template."""
    with contextlib.suppress(Exception):
        expected = isinstance(error, GatewayError)
        logger.opt(exception=None if expected else error).error("bot {} failed: {}", life.bot, error)
    detail = f"{type(error).__name__}: {error}"
    known = error if isinstance(error, GatewayError) else _unexpected(life, detail)
    raised = Raised(detail=detail[:2_000], fault=WireFault.of(known), lasting=isinstance(error, ConfigError))
    with contextlib.suppress(Exception):  # a bot may have closed it
        control.setblocking(False)
        control.send(encode(raised))


def _unexpected(life: Life, detail: str) -> GatewayError:
    return ConfigError(f"bot {life.bot}: {detail}"[:2_000], remedy="see the gateway's log")
