"""The timers of one call: asyncio tasks that ring, owned by the session and gone with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.speech.reply import StartTimer, Timer

Ring = Callable[[Timer], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Running:
    order: StartTimer
    due: float  # of the event loop's clock
    task: asyncio.Task[None]


class Timers:
    """Starts, lists and cancels timers; awaits `ring` for each that is up."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._running: dict[int, _Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # those that ring just now included
        self._last = 0

    def start(self, order: StartTimer) -> None:
        """Start a timer."""
        self._last += 1
        due = asyncio.get_running_loop().time() + order.seconds
        task = asyncio.create_task(self._wait(self._last, order.seconds), name=f"timer-{self._last}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._running[self._last] = _Running(order, due, task)

    def list(self) -> tuple[Timer, ...]:
        """The timers that run, oldest first."""
        return tuple(self._view(number) for number in self._running)

    def cancel(self, numbers: tuple[int, ...]) -> None:
        """Cancel these timers; one that has rung by now is ignored."""
        for number in numbers:
            if (running := self._running.pop(number, None)) is not None:
                running.task.cancel()

    async def close(self) -> None:
        """Cancel all timers, and wait until their tasks are gone."""
        tasks = list(self._tasks)
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, number: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        timer = self._view(number)
        del self._running[number]
        await self._ring(timer)

    def _view(self, number: int) -> Timer:
        running = self._running[number]
        left = max(0.0, running.due - asyncio.get_running_loop().time())
        return Timer(number, running.order.label, running.order.seconds, left, running.order.reminder)
