"""Does what a language model, a bot or the API asks of a device: the tools of `wire.tools`, carried out."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from loguru import logger

from gateway.errors import BadRequest, Busy, GatewayError, NotFound
from gateway.front.memory import Memory
from gateway.front.promises import Promises
from gateway.front.registry import Registry, Role
from gateway.front.switchboard import Switchboard
from gateway.settings import Settings
from gateway.wire.calls import AnswerCall, SessionEvent
from gateway.wire.promises import Wish
from gateway.wire.tools import Tool, checked, command_value, offered

RESULT_SECONDS: Final = 5.0
"""For a device to say what became of a command."""
MOST_RECALLED: Final = 12
"""Exchanges that a model is told at once."""
MOST_ASKS: Final = 32
"""That one call's bot may have open at once."""


class NotDone(GatewayError):
    """A device did not do what it was told."""

    code = "not_done"
    status = 502


class Tools:
    """What can be done with the devices of this gateway.

    Args:
        settings: the gateway's: its time zone.
        registry: which devices there are.
        switchboard: which are there.
        promises: what is for later.
        memory: what was before.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        switchboard: Switchboard,
        promises: Promises,
        memory: Memory,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._switchboard = switchboard
        self._promises = promises
        self._memory = memory
        self._numbers = itertools.count(secrets.randbelow(10**9))  # other fronts hear the results as well
        self._results: dict[str, tuple[str, str, asyncio.Future[dict[str, Any]]]] = {}
        self._asked: dict[str, set[asyncio.Task[None]]] = {}

    def of(self, device: str) -> list[Tool]:
        """What a device can do: what it has told, where it is in a call; all that there is, where it is not."""
        described = self._switchboard.described(device)
        found = offered(described.get("has"), described.get("tools") or [])
        return [tool for tool in found if tool.needs != "history" or self._memory.keeps(device)]

    async def run(self, device: str, name: str, arguments: dict[str, Any]) -> Any:
        """Do something; what came of it, as JSON holds it.

        Raises:
            NotFound: no such tool, or a device that is in no call. BadRequest: arguments that it can't have.
            NotDone: the device says that it did not do it. Busy: it does not say.
        """
        tool = next((t for t in self.of(device) if t.name == name), None)
        if tool is None:
            raise NotFound(f"{device} has no tool {name}", remedy="ask for its tools")
        given = checked(tool, arguments)
        if tool.command is not None:
            return await self.command(device, tool.command, command_value(tool, given))
        return await getattr(self, f"_{name}")(device, **given)

    async def command(self, device: str, command: str, value: Any) -> Any:
        """Give a device a command and wait for what it says of it; raises as `run` does."""
        number = f"c{next(self._numbers)}"
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._results[number] = (device, command, future)
        try:
            await self._switchboard.command(device, command, value, number)
            result = await asyncio.wait_for(future, RESULT_SECONDS)
        except TimeoutError:
            raise Busy(f"{device} did not say within {RESULT_SECONDS:g} s that it did this") from None
        finally:
            del self._results[number]
        if not result.get("ok"):
            raise NotDone(f"{device} refused {command}: {result.get('reason') or 'no reason given'}")
        return result.get("result") or {"ok": True}

    # -- what happens

    def take(self, event: SessionEvent) -> None:
        """Note the result of a command, and do what a bot asks for."""
        if event.kind == "report" and event.data.get("kind") == "command-result":
            self._settle(event.data.get("device"), event.data["data"])
        elif event.kind == "ask":
            self._ask(event)
        elif event.kind == "ended":
            for task in self._asked.pop(event.session_id, ()):
                task.cancel()

    def _settle(self, device: str | None, result: dict[str, Any]) -> None:
        """A device of an earlier firmware names no number: then it is of the oldest such command."""
        for number, (owner, command, future) in self._results.items():
            told = result.get("id")
            if (
                owner == device
                and not future.done()
                and (told == number or (told is None and result.get("command") == command))
            ):
                future.set_result(result)
                return

    def _ask(self, event: SessionEvent) -> None:
        asked = self._asked.setdefault(event.session_id, set())
        task = asyncio.create_task(
            self._answer(event, too_many=len(asked) >= MOST_ASKS), name=f"ask-{event.session_id}"
        )
        asked.add(task)
        task.add_done_callback(asked.discard)

    async def _answer(self, event: SessionEvent, *, too_many: bool) -> None:
        ok, result = True, None
        try:
            result = await self._asked_for(event.data, too_many=too_many)
        except GatewayError as error:
            ok, result = False, {"code": error.code, "message": error.message, "remedy": error.remedy}
        except Exception:  # noqa: BLE001 -- a bot waits for this
            logger.exception("a bot's {} failed", event.data["tool"])
            ok, result = (
                False,
                {"code": "internal", "message": "something went wrong in the gateway", "remedy": ""},
            )
        call = AnswerCall(session_id=event.session_id, id=event.data["id"], ok=ok, result=result)
        try:
            await self._switchboard.answer(call)
        except GatewayError as error:
            logger.info("a bot's question is not answered: {}", error.message)

    async def _asked_for(self, asked: dict[str, Any], *, too_many: bool) -> Any:
        device, tool, arguments = asked["device"], asked["tool"], asked["arguments"]
        if too_many:
            raise Busy("this bot asks for too much at once", remedy="wait for its answers")
        if device is None:
            raise NotFound("this call is no device's", remedy="tools are of devices")
        match tool:
            case "tools":
                return [t.view() for t in self.of(device)]
            case "promise":
                return await self._promises.add(device, _wish(self._timed(arguments)))
            case "memory":
                return await self._memory.recalled(device)
            case "summarise":
                return await self._memory.summarise(device, str(arguments.get("text", "")))
            case _:
                return await self.run(device, tool, arguments)

    # -- what the gateway does itself, by the names of the tools

    async def _set_timer(self, device: str, seconds: int, label: str = "") -> Any:
        return await self._promises.add(device, Wish(kind="timer", seconds=seconds, label=label))

    async def _set_alarm(self, device: str, time: str, label: str = "") -> Any:
        return await self._promises.add(device, Wish(kind="alarm", at=self._at(time), label=label))

    async def _set_reminder(
        self, device: str, text: str, seconds: int | None = None, time: str | None = None
    ) -> Any:
        if (seconds is None) == (time is None):
            raise BadRequest("set_reminder needs seconds, or time")
        at = None if time is None else self._at(time)
        return await self._promises.add(device, Wish(kind="reminder", seconds=seconds, at=at, label=text))

    async def _list_timers(self, device: str) -> Any:
        rung = self._promises.rung(device)
        known = {p["number"] for p in rung}
        return rung + [
            p for p in self._promises.of(device) if p["kind"] != "say" and p["number"] not in known
        ]

    async def _cancel_timer(self, device: str, number: int) -> Any:
        await self._promises.cancel(device, number)
        return {"cancelled": number}

    async def _stop_ringing(self, device: str) -> Any:
        return {"stopped": await self._promises.quiet(device)}

    async def _recall(self, device: str, words: str = "") -> Any:
        found = await self._memory.search(device, words, MOST_RECALLED)
        return [
            {"when": datetime.fromtimestamp(s["at"], UTC).isoformat(timespec="minutes"), **_words(s)}
            for s in found
        ]

    async def _set_preference(self, device: str, name: str, value: str) -> Any:
        return await self._memory.prefer(device, name, value)

    async def _announce(self, own: str, device: str, text: str) -> Any:
        names = [d["device"] for d in await self._list_devices(own)]
        meant = [name for name in names if _plainly(name) == _plainly(device)]
        if len(meant) != 1 and device not in names:
            raise NotFound(f"there is no device {device}; there are {', '.join(names)}")
        return await self.say(device if device in names else meant[0], Wish(kind="say", text=text))

    async def _list_devices(self, _device: str) -> Any:
        live = self._switchboard.devices_live()
        known = {d.name for d in await self._registry.all() if d.revoked_at is None and d.role is Role.DEVICE}
        return [{"device": name, "there": name in live} for name in sorted(known | live)]

    async def say(self, device: str, wish: Wish) -> dict[str, Any]:
        """Have a device of ours say something, now or when it is back.

        Raises:
            NotFound: there is no such device.
        """
        await self.must_know(device)
        return await self._promises.add(device, wish)

    async def must_know(self, device: str) -> None:
        """Raises NotFound where no device of that name is enrolled or there."""
        known = {d.name for d in await self._registry.all() if d.revoked_at is None}
        if device not in known | self._switchboard.devices_live():
            raise NotFound(f"there is no device {device}", remedy="see: voicegw devices")

    def _timed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """A promise as a bot asks for it, who may tell a `time` of day: its zone is the gateway's."""
        rest = {name: value for name, value in arguments.items() if name != "time"}
        return {**rest, "at": self._at(str(arguments["time"]))} if "time" in arguments else rest

    def _at(self, when: str) -> float:
        """A time as people give it, in Unix seconds."""
        zone = ZoneInfo(self._settings.timezone) if self._settings.timezone else None
        return next_time(when, datetime.now(UTC).timestamp(), zone)


def next_time(when: str, now: float, zone: ZoneInfo | None) -> float:
    """The next time that it is `HH:MM`, or a moment in full; `now` and what it gives are Unix seconds.

    The offset is that of the moment itself, in `zone`, or where this machine is: clocks may change until then.

    Raises:
        BadRequest: it is neither, or over.
    """
    try:
        if "T" in when:
            found = [datetime.fromisoformat(when)]
        else:
            clock = time.fromisoformat(when)
            today = datetime.fromtimestamp(now, clock.tzinfo or zone).date()
            found = [datetime.combine(today + timedelta(days=n), clock) for n in range(2)]
        # An hour that there is twice, as summer time ends, is meant where it is yet to come.
        there = [moment.replace(tzinfo=moment.tzinfo or zone, fold=n) for moment in found for n in range(2)]
        times = [moment.timestamp() for moment in there]
    except (ValueError, OverflowError):
        raise BadRequest(f"{when!r} is no time", remedy="HH:MM, or YYYY-MM-DDTHH:MM") from None
    coming = next((at for at in times if at > now), None)
    if coming is None:
        here = datetime.fromtimestamp(now, zone)
        raise BadRequest(f"{when} is over: it is {here:%Y-%m-%dT%H:%M} now", remedy="give a time to come")
    return coming


def _plainly(name: str) -> str:
    """A name as it sounds: people say "Living Room" of living-room."""
    return "".join(c for c in name.casefold() if c.isalnum())


def _words(said: dict[str, Any]) -> dict[str, Any]:
    return {"user": said["user"][:150], "assistant": said["bot"][:150]}


def _wish(arguments: dict[str, Any]) -> Wish:
    try:
        return Wish.model_validate(arguments)
    except ValueError as error:
        raise BadRequest(f"this can't be promised: {error}") from None
