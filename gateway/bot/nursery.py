"""The template's children: brought forth by a fork or a spawn, signalled as groups, reaped with all they started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway import processes
from gateway.bot import sinks, system
from gateway.bot.child import Life, live
from gateway.settings import Settings
from gateway.wire.template import Birth, Lines, Message, Raised, TemplateError, Work, encode

_HAND_OVER_SECONDS = 1.0
"""For a child that waits to take its job; it does nothing else."""
_STANDARD = {0, 1, 2}
_ASKING = {signal.SIGTERM, signal.SIGCHLD}


@dataclass(slots=True, eq=False)
class Child:
    """One child process. `number` is its job's, once it has one; `killed_for` says why we ended it."""

    pid: int
    life: Life
    control: socket.socket
    number: int | None = None
    killed_for: str = ""
    raised: Raised | None = None

    def hand_over(self, work: Work, descriptors: list[int]) -> None:
        """Give it its job. Raises OSError where it is gone, or does not take it."""
        data = encode(work)
        self.control.settimeout(_HAND_OVER_SECONDS)
        sent = socket.send_fds(self.control, [data], descriptors)
        if sent < len(
            data
        ):  # one that is quick may have ended by now, and sending nothing to it fails as well
            self.control.sendall(data[sent:])

    def told(self) -> list[Message]:
        """What it has said up to now. A bot is not trusted: what is no message is left out."""
        self.control.settimeout(0)
        try:
            return Lines().take(self.control.recv(1 << 16))
        except (OSError, TemplateError):
            return []


class Nursery:
    """All children.

    Args:
        kept: descriptors that a forked child keeps: those that the bots' modules have opened.
        forget: closes, in a forked child, what the template has open.
    """

    def __init__(self, *, kept: set[int], forget: Callable[[], None]) -> None:
        self._kept = kept | _STANDARD
        self._forget = forget
        self._children: dict[int, Child] = {}
        self._others = processes.children()

    def __iter__(self) -> Iterator[Child]:
        return iter(tuple(self._children.values()))

    def bear(self, life: Life) -> Child:
        """A new child, a fork where its bot is loaded here. Raises OSError where the system has no room for one."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                pid = self._fork(life, theirs) if life.loaded else _spawn(theirs)
            except OSError:
                ours.close()
                raise
        child = self._children[pid] = Child(pid, life, ours)
        if not life.loaded:
            ours.sendall(encode(_birth(life)))
        return child

    def _fork(self, life: Life, control: socket.socket) -> int:
        parent = os.getpid()
        sinks.flush()  # else what waits is written twice
        blocked = signal.pthread_sigmask(
            signal.SIG_BLOCK, _ASKING
        )  # else it would take them as the template does
        try:
            pid = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            raise
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            return pid
        try:
            self._forget()
            for child in self._children.values():
                child.control.close()
            for fd in system.descriptors() - self._kept - {control.fileno()}:
                os.close(fd)
        finally:
            live(life, control, parent)

    def signal(self, child: Child, number: signal.Signals, why: str) -> None:
        """Signal a child and its group. It has not been reaped, so its number is its own."""
        if number is signal.SIGKILL and not child.killed_for:
            child.killed_for = why
        for send in (os.killpg, os.kill):  # it may not have a group yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                send(child.pid, number)
                return

    def reap(self) -> Iterator[tuple[Child, int]]:
        """Each child that has ended, with its wait status. What it has left behind is killed."""
        for pid, status in self._reaped():
            self._sweep()
            child = self._children.pop(pid, None)
            if child is not None:
                yield child, status
                child.control.close()

    def _reaped(self) -> Iterator[tuple[int, int]]:
        if sys.platform == "darwin":  # can't look before it reaps, and never adopts orphans
            for pid in tuple(self._children):
                if (ended := os.waitpid(pid, os.WNOHANG))[0]:
                    _kill_group(pid)
                    yield ended
            return
        with contextlib.suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if found.si_pid in self._children:
                    _kill_group(found.si_pid)  # not reaped yet, so the number is still its own
                yield os.waitpid(found.si_pid, 0)

    def _sweep(self) -> None:
        """Kill the orphans. A child adopts its own; those that come to us had one that is gone."""
        for pid in processes.children() - self._children.keys() - self._others:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _spawn(control: socket.socket) -> int:
    os.set_inheritable(control.fileno(), True)
    program = [sys.executable, "-P", "-m", "gateway.bot.main", "--child", str(control.fileno())]
    return os.posix_spawn(sys.executable, program, os.environ)


def _birth(life: Life) -> Birth:
    return Birth(
        settings=dump_settings(life.settings),
        worker=life.worker,
        bot=life.bot,
        runner=life.runner,
        role=life.role,
    )


def dump_settings(settings: Settings) -> dict[str, object]:
    """Settings as JSON holds them."""
    return settings.model_dump(mode="json")
