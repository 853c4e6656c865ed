"""Firmware brought to devices: one first, then the rest, and no further than to the first that goes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from loguru import logger

from gateway.errors import Conflict, GatewayError
from gateway.front.telemetry import Event

AT_ONCE: Final = 4
"""Devices at a time, after the first."""
SECONDS: Final = 900.0
"""For one device: its trial ends after ten minutes, and a slow Wi-Fi has the rest."""


class Progress(StrEnum):
    """How far a device is."""

    WAITING = "waiting"
    UPDATING = "updating"
    RESTARTING = "restarting"
    UPDATED = "updated"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    LEFT_OUT = "left_out"


ENDS: Final = frozenset({Progress.UPDATED, Progress.FAILED, Progress.ROLLED_BACK, Progress.LEFT_OUT})


@dataclass
class Course:
    """One device on its way to a version; pure. `before` is what it ran."""

    device: str
    version: str
    before: str | None = None
    state: Progress = Progress.WAITING
    reason: str = ""
    _back: bool = field(default=False, init=False)

    def take(self, event: Event) -> bool:
        """Learn from an event of the gateway's; whether that changed anything."""
        kind, data = event
        was = self.state, self.reason
        if data.get("device") != self.device or self.state in ENDS:
            return False
        if kind == "report":
            self._report(data["kind"], data["data"])
        elif kind == "arrived":
            self._arrived(data.get("fw"), data.get("last_failure"))
        elif kind == "session" and self._back and data.get("state") == "live":
            self.state = Progress.UPDATED
        return (self.state, self.reason) != was

    def _report(self, kind: str, told: Mapping[str, Any]) -> None:
        refused = kind == "command-result" and told.get("command") == "update" and told.get("ok") is False
        if refused or (kind == "update" and told.get("state") == "failed"):
            self.end(Progress.FAILED, str(told.get("reason", "")))
        elif kind == "update" and told.get("state") == "rebooting":
            self.state = Progress.RESTARTING

    def _arrived(self, fw: str | None, last_failure: str | None) -> None:
        restarted = self.state == Progress.RESTARTING
        if last_failure == "update_rolled_back" or (restarted and fw != self.version):
            self.end(Progress.ROLLED_BACK, "update_rolled_back")
        elif fw == self.version and (restarted or fw != self.before):
            self.state, self._back = Progress.RESTARTING, True
        else:
            self.end(Progress.FAILED, "update_interrupted")

    def end(self, state: Progress, reason: str) -> None:
        """Nothing more will come of it."""
        self.state, self.reason = state, reason


@dataclass
class Rollout:
    """Which devices get which version, and how far they are; `done` once nothing more will happen."""

    courses: list[Course]
    done: bool = False

    def describe(self) -> dict[str, Any]:
        """As `/api/state` has it (docs/protocol.md)."""
        shown = ("device", "version", "state", "reason")
        return {
            "done": self.done,
            "devices": [{k: v for k, v in asdict(c).items() if k in shown} for c in self.courses],
        }

    @property
    def must_stop(self) -> bool:
        """Whether one went back, or the first did not get there."""
        return (
            any(c.state == Progress.ROLLED_BACK for c in self.courses)
            or self.courses[0].state == Progress.FAILED
        )


@dataclass
class Rollouts:
    """One at a time.

    Args:
        listening: while it is entered, every event comes into the queue that it gives (`Telemetry.listening`).
        publish: tells the pages.
    """

    listening: Callable[[], AbstractContextManager[asyncio.Queue[Event | None]]]
    publish: Callable[[str, dict[str, Any]], None]
    now: Rollout | None = None
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    def start(self, courses: list[Course], tell: Callable[[Course], Awaitable[None]]) -> Rollout:
        """Bring each its version, in this order; `tell` has a device begin.

        Raises:
            Conflict: one is under way.
        """
        if self._task is not None and not self._task.done():
            raise Conflict("devices are being updated already", remedy="wait until that is over")
        self.now = Rollout(courses)
        self._task = asyncio.create_task(self._run(self.now, tell), name="rollout")
        return self.now

    async def stop(self) -> None:
        """Tell no more devices; those that have begun go on by themselves."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, rollout: Rollout, tell: Callable[[Course], Awaitable[None]]) -> None:
        try:
            rest = rollout.courses[1:]
            groups = [rest[at : at + AT_ONCE] for at in range(0, len(rest), AT_ONCE)]
            for group in [rollout.courses[:1], *groups]:
                await asyncio.gather(*(self._bring(course, rollout, tell) for course in group))
                if rollout.must_stop:
                    return
        finally:
            rollout.done = True
            for course in rollout.courses:
                if course.state not in ENDS:
                    course.end(Progress.LEFT_OUT, "")
            self._publish(rollout)

    async def _bring(
        self, course: Course, rollout: Rollout, tell: Callable[[Course], Awaitable[None]]
    ) -> None:
        with self.listening() as events:
            try:
                async with asyncio.timeout(SECONDS):
                    course.state = Progress.UPDATING
                    self._publish(rollout)
                    await tell(course)
                    while course.state not in ENDS and (event := await events.get()) is not None:
                        if course.take(event):
                            self._publish(rollout)
            except GatewayError as error:
                course.end(Progress.FAILED, error.message)
            except TimeoutError:
                course.end(Progress.FAILED, "it did not come back in time")
        if course.state not in ENDS:
            course.end(Progress.FAILED, "its events were lost")
        logger.info("{}: {} {} {}", course.device, course.version, course.state, course.reason)
        self._publish(rollout)

    def _publish(self, rollout: Rollout) -> None:
        self.publish("rollout", rollout.describe())
