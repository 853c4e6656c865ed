"""Timers: those that a gateway keeps, and, where there is none, asyncio tasks that are gone with the call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.speech.meaning.reply import StartTimer, Timer
from gateway.speech.meaning.timer_skills import adjective, ring_text

_MOST_LABEL: Final = 100
"""Characters of what a promise is called (`wire.promises`); what it says may be longer."""

Ring = Callable[[Timer], Awaitable[None]]


class Asked(Protocol):
    """The gateway, as a bot asks it: `runner_args.voicegw["tools"]`."""

    async def ask(self, tool: str, arguments: dict[str, Any] | None = None) -> Any: ...


class KeptTimers:
    """Timers that the gateway keeps: they outlive the call, ring by themselves, and tell when they were missed.

    Every method raises GatewayError where it does not answer.
    """

    def __init__(self, gateway: Asked) -> None:
        self._gateway = gateway

    async def start(self, order: StartTimer) -> None:
        """Start a timer, or an alarm: its time is the gateway's to reckon, summer time or not."""
        timer = Timer(0, order.label, order.seconds, order.seconds, order.reminder)
        wish = {
            "kind": "reminder" if order.reminder else "alarm" if order.at else "timer",
            **({"time": order.at} if order.at else {"seconds": order.seconds}),
            "label": (order.reminder or ("" if order.at else order.label))[:_MOST_LABEL],
            "text": ring_text(timer),
        }
        await self._gateway.ask("promise", wish)

    async def list(self) -> tuple[Timer, ...]:
        """The timers that run, the next to ring first."""
        return tuple(_timer(found) for found in await self._gateway.ask("list_timers"))

    async def cancel(self, numbers: tuple[int, ...]) -> None:
        """Cancel these timers, and stop them if they ring."""
        for number in numbers:
            await self._gateway.ask("cancel_timer", {"number": number})

    async def stop_ringing(self) -> None:
        """Stop what rings, and what is announced."""
        await self._gateway.ask("stop_ringing")

    async def close(self) -> None:
        """They go on."""


def _timer(found: dict[str, Any]) -> Timer:
    """What has a time of day and no length is spoken of as what it is: an alarm, a reminder."""
    left = max(0.0, found["left"])
    seconds = round(found["seconds"] or left)
    name, reminder = (found["label"], "") if found["kind"] != "reminder" else ("", found["label"])
    label = name or (adjective(seconds) if found["seconds"] else found["kind"])
    return Timer(found["number"], label, seconds, left, reminder, found.get("ringing", False))


@dataclass(frozen=True, slots=True)
class _Running:
    order: StartTimer
    due: float  # of the event loop's clock
    task: asyncio.Task[None]


class Timers:
    """Starts, lists and cancels timers of this call; awaits `ring` for each that is up."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._running: dict[int, _Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # those that ring just now included
        self._last = 0

    async def start(self, order: StartTimer) -> None:
        """Start a timer."""
        self._last += 1
        due = asyncio.get_running_loop().time() + order.seconds
        task = asyncio.create_task(self._wait(self._last, order.seconds), name=f"timer-{self._last}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._running[self._last] = _Running(order, due, task)

    async def list(self) -> tuple[Timer, ...]:
        """The timers that run, oldest first."""
        return tuple(self._view(number) for number in self._running)

    async def cancel(self, numbers: tuple[int, ...]) -> None:
        """Cancel these timers; one that has rung by now is ignored."""
        for number in numbers:
            if (running := self._running.pop(number, None)) is not None:
                running.task.cancel()

    async def stop_ringing(self) -> None:
        """One of these rings once, as the bot's own sound, which ends when somebody speaks."""

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
