"""A device on its way to a version, and the order in which devices get theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.errors import Conflict, NotFound
from gateway.front.rollout import AT_ONCE, Course, Progress, Rollout, Rollouts
from gateway.front.telemetry import Event, Telemetry
from tests.support.waiting import until


def report(device: str, kind: str = "update", **data: Any) -> Event:
    return "report", {"device": device, "kind": kind, "data": data}


def arrived(device: str, fw: str, last_failure: str = "none") -> Event:
    return "arrived", {"device": device, "fw": fw, "last_failure": last_failure}


def live(device: str) -> Event:
    return "session", {"device": device, "state": "live"}


DOWNLOAD, REBOOT = report("a", state="downloading", percent=3), report("a", state="rebooting")


@pytest.mark.parametrize(
    ("events", "end", "reason"),
    [
        ([DOWNLOAD, REBOOT, arrived("a", "2"), live("a")], "updated", ""),
        ([arrived("a", "2"), live("a")], "updated", ""),  # what it told last was lost
        ([REBOOT, arrived("a", "2")], "restarting", ""),
        ([REBOOT, live("a")], "restarting", ""),
        ([live("a")], "updating", ""),
        ([REBOOT, arrived("a", "1")], "rolled_back", "update_rolled_back"),
        ([REBOOT, arrived("a", "2"), arrived("a", "1", "update_rolled_back")], "rolled_back", "update_rolled_back"),
        ([DOWNLOAD, arrived("a", "1")], "failed", "update_interrupted"),
        ([report("a", state="failed", reason="update_tls")], "failed", "update_tls"),
        ([report("a", "command-result", command="update", ok=False, reason="no_key")], "failed", "no_key"),
        ([report("a", "command-result", command="volume", ok=False)], "updating", ""),
        ([report("b", state="failed"), arrived("b", "2"), live("b")], "updating", ""),
        ([report("a", state="failed", reason="x"), arrived("a", "2"), live("a")], "failed", "x"),
    ],
)  # fmt: skip
def test_a_course_ends_as_its_events_say(events: list[Event], end: str, reason: str) -> None:
    course = Course("a", "2", "1", Progress.UPDATING)
    for event in events:
        course.take(event)
    assert (course.state, course.reason) == (end, reason)


def test_the_same_version_once_more_has_to_be_restarted_into() -> None:
    course = Course("a", "2", "2", Progress.UPDATING)
    course.take(arrived("a", "2"))
    assert course.state == Progress.FAILED


class Devices:
    """What has been told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def tell(self, course: Course) -> None:
        self.told.append(course.device)
        if course.device == "gone":
            raise NotFound("gone is in no call", remedy="")


@contextmanager
def rolling(*names: str) -> Iterator[tuple[Telemetry, Devices, Rollouts, Rollout]]:
    telemetry, devices = Telemetry(), Devices()
    rollouts = Rollouts(telemetry.listening, telemetry.publish)
    yield telemetry, devices, rollouts, rollouts.start([Course(n, "2", "1") for n in names], devices.tell)


def states(rollout: Rollout) -> list[str]:
    return [str(c.state) for c in rollout.courses]


async def test_the_first_alone_then_the_rest_a_few_at_a_time() -> None:
    names = ["a", "b", "c", "d", "e", "f"]
    with rolling(*names) as (telemetry, devices, _, rollout):
        await until(lambda: devices.told == ["a"], "the first is told")
        for name in names[:1] + names[1 : 1 + AT_ONCE] + names[1 + AT_ONCE :]:
            await until(lambda: name in devices.told, "it is told")  # noqa: B023 -- awaited here
            assert len(devices.told) <= 1 + AT_ONCE or name == "f"
            telemetry.publish(*arrived(name, "2"))
            telemetry.publish(*live(name))
        await until(lambda: rollout.done, "all have it")
    assert states(rollout) == ["updated"] * 6


@pytest.mark.parametrize(
    "event", [arrived("a", "1", "update_rolled_back"), report("a", state="failed", reason="x")]
)
async def test_no_further_than_the_first_that_does_not_get_there(event: Event) -> None:
    with rolling("a", "b") as (telemetry, devices, _, rollout):
        await until(lambda: devices.told == ["a"], "the first is told")
        telemetry.publish(*event)
        await until(lambda: rollout.done, "it has stopped")
    assert (devices.told, states(rollout)[1]) == (["a"], "left_out")


async def test_no_further_than_to_one_that_goes_back_and_past_one_that_is_gone() -> None:
    with rolling("a", "gone", "c", "d", "e", "f") as (telemetry, devices, _, rollout):
        for name in ("a", "c", "d", "e"):
            await until(lambda: name in devices.told, "it is told")  # noqa: B023 -- awaited here
            telemetry.publish(
                *arrived(name, "2" if name != "d" else "1", "update_rolled_back" if name == "d" else "")
            )
            telemetry.publish(*live(name))
        await until(lambda: rollout.done, "it has stopped")
    assert states(rollout) == ["updated", "failed", "updated", "rolled_back", "updated", "left_out"]
    assert rollout.courses[1].reason == "gone is in no call"


async def test_one_at_a_time_and_it_can_be_stopped() -> None:
    with rolling("a", "b") as (_, devices, rollouts, rollout):
        await until(lambda: devices.told == ["a"], "the first is told")
        with pytest.raises(Conflict):
            rollouts.start([Course("c", "2")], devices.tell)
        await rollouts.stop()
        assert (states(rollout), rollout.done) == (["left_out", "left_out"], True)
        rollouts.start([Course("c", "2")], devices.tell)
        await until(lambda: "c" in devices.told, "another begins")
        await rollouts.stop()


async def test_every_step_is_told_to_the_pages() -> None:
    with rolling("a") as (telemetry, _, _, rollout), telemetry.listening() as events:
        await until(lambda: rollout.courses[0].state == "updating", "it has begun")
        telemetry.publish(*arrived("a", "2"))
        telemetry.publish(*live("a"))
        await until(lambda: rollout.done, "it is over")
        kinds = [(await events.get()) for _ in range(events.qsize())]
    told = [event[1] for event in kinds if event is not None and event[0] == "rollout"]
    assert [t["devices"][0]["state"] for t in told][:1] == ["updating"]
    assert told[-1] == {
        "done": True,
        "devices": [{"device": "a", "version": "2", "state": "updated", "reason": ""}],
    }
