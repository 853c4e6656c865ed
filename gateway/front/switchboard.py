"""What the front process does with an offer: check it, find its call or a place for a new one, pass it on."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from loguru import logger

from gateway.errors import BadOffer, Busy, GatewayError, NotFound, Stopping
from gateway.front.access import Caller, RateLimit
from gateway.front.calls import Calls, Entry, Owner
from gateway.front.door import group_of
from gateway.front.neighbours import Kept, Neighbours
from gateway.front.places.place import Lost, Places
from gateway.front.registry import Registry, Role
from gateway.front.reserved import Reserved
from gateway.front.sharing import Board, SharedKeys
from gateway.front.telemetry import Telemetry
from gateway.settings import Settings
from gateway.wire import sdp
from gateway.wire.calls import (
    Answer,
    AnswerCall,
    CandidateItem,
    CommandCall,
    EndCall,
    HushCall,
    KeptCall,
    OfferCall,
    PatchCall,
    RenegotiateCall,
    SayCall,
    SessionEvent,
    WakeCall,
)
from gateway.wire.route import local_address, unmapped

_MAX_FACT: Final = 64
_PROOF_BYTES: Final = len(',"proof":""') + 64


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer as a request brought it."""

    sdp: str
    type: str
    pc_id: str | None
    restart_pc: bool
    request_data: Any


class Switchboard:
    """Owned by the front process; knows which call is whose.

    Args:
        settings: the gateway's.
        registry: of devices.
        workers: the places that calls live in.
        telemetry: told of every offer.
        reserved: what `/start` was given.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        workers: Places,
        telemetry: Telemetry,
        reserved: Reserved | None = None,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._workers = workers
        self._telemetry = telemetry
        rate = settings.limits.offers_per_minute
        self._offers, self._starts, self._patches = RateLimit(rate), RateLimit(rate), RateLimit(rate)
        self._of_keys = RateLimit(rate)
        self._asking: Counter[str] = Counter()
        self._coming: set[str] = set()
        """Ids of calls whose offers are under way."""
        self._reserved = reserved or Reserved()
        self._beside: set[asyncio.Task[None]] = set()
        self.shared_keys = SharedKeys()
        self.neighbours = Neighbours()
        self._calls = Calls(self.neighbours)
        self.stopping = False

    async def reserve(self, body: Any, caller: Caller) -> str:
        """Keep the body of a `/start` for the offer that will follow; returns the session's id.

        Raises:
            RateLimited: this caller's address has started too many.
        """
        self._starts.take(caller.address)
        session_id = secrets.token_hex(8)
        await self._reserved.keep(session_id, body)
        return session_id

    async def knows(self, session_id: str, caller: Caller) -> bool:
        """Whether a session is one that `/start` has reserved, or a call of this caller's.

        Raises:
            Forbidden: it is another's call.
        """
        if (entry := self._calls.get(session_id)) is not None:
            entry.must_be_of(caller)
        return entry is not None or await self._reserved.find(session_id) is not None

    async def offer(
        self, offered: Offered, caller: Caller, *, arrived_on: str, session_id: str | None = None
    ) -> Answer:
        """Answer an offer: of a call that is there when it names its `pc_id`, else of a new one.

        Raises:
            GatewayError: of every kind that routes know.
        """
        try:
            answer = await self._offer(offered, caller, arrived_on, session_id)
        except GatewayError as error:
            self._telemetry.count_offer(error.code)
            logger.info("offer of {} refused: {} ({})", caller.address, error.message, error.code)
            raise
        self._telemetry.count_offer("answered")
        return answer

    async def _offer(
        self, offered: Offered, caller: Caller, arrived_on: str, session_id: str | None
    ) -> Answer:
        if self.stopping:
            raise Stopping("the gateway is stopping", remedy="try again when it is back")
        self._offers.take(caller.address)
        if caller.name is not None:
            self._of_keys.take(caller.name)
        offer = sdp.check_offer(offered.sdp, offered.request_data)
        kept = Kept(self.neighbours, caller.address)
        offered = replace(offered, sdp=kept.only(offered.sdp))
        address = local_address(arrived_on, offer.candidates, caller.address)
        entry = await self._by_pc_id(offered.pc_id)
        if entry is not None:
            entry.must_be_of(caller)
            with suppress(Lost):  # then it is a new call, wherever there is room
                return await self._renegotiate(entry, offered, address)
        request_data = offered.request_data
        reserved = None if session_id is None else await self._reserved.find(session_id)
        if session_id is not None:
            request_data = request_data or ({} if reserved is None else reserved)
        device = await self._device_name(caller, request_data)
        call = OfferCall(
            session_id=await self._own_id(session_id if reserved is not None else None),
            sdp=offered.sdp,
            type=offered.type,
            request_data=request_data,
            client=offer.client,
            device=device,
            bot=self._settings.bots.get(device or "", self._settings.bot),
            address=address,
            remote=caller.address,
        )
        facts = _facts(request_data)
        board = facts.get("board")
        owner = Owner(replace(caller, proven=None), board, Board(facts.get("id"), caller.address))
        with self._asked_for(caller), self._held(call.session_id):
            return await self._begin(call.model_copy(update={"owner": asdict(owner)}), owner, kept)

    async def _own_id(self, session_id: str | None) -> str:
        """That of `/start`, while no call has it, or is about to, here or at another front; nobody else's choice."""
        if session_id is None or session_id in self._calls or session_id in self._coming:
            return secrets.token_hex(8)
        return session_id if await self._reserved.claim(session_id) else secrets.token_hex(8)

    @contextmanager
    def _held(self, session_id: str) -> Iterator[None]:
        """Keep an id for the offer that is under way: the same one may be posted twice at once."""
        self._coming.add(session_id)
        try:
            yield
        finally:
            self._coming.discard(session_id)

    @contextmanager
    def _asked_for(self, caller: Caller) -> Iterator[None]:
        """Have a place for a call of this caller, whom nobody knows where the gateway is open.

        Raises:
            Busy: its network has enough, unfinished ones above all.
        """
        if caller.key_id is not None or unmapped(caller.address).is_loopback:
            yield
            return
        group, most = group_of(caller.address), self._settings.limits.sessions
        own = [e for e in self._calls if e.caller.key_id is None and e.group == group]
        unfinished = self._asking[group] + sum(not e.live for e in own)
        if unfinished >= max(2, most // 4) or unfinished + sum(e.live for e in own) >= max(2, most // 2):
            raise Busy(f"{group} has as many calls as one place may", remedy="end one, or use keys")
        self._asking[group] += 1
        try:
            yield
        finally:
            self._asking[group] -= 1
            if not self._asking[group]:
                del self._asking[group]

    async def _begin(self, call: OfferCall, owner: Owner, kept: Kept) -> Answer:
        answer = await self._workers.offer(call)
        entry = Entry(call.session_id, [answer.pc_id], call.device, owner, kept)
        if (heard := self._calls.get(call.session_id)) is not None:  # its host has told every front of it
            entry.live, entry.described, entry.order = heard.live, heard.described, heard.order
        if (
            call.client is sdp.Client.DEVICE
            and (size := len(answer.model_dump_json(exclude_none=True)))
            >= sdp.DEVICE_ANSWER_BYTES - _PROOF_BYTES
        ):
            await self._workers.end(EndCall(session_id=call.session_id, reason="answer_too_large"))
            raise BadOffer(f"the answer has {size} bytes", remedy="offer fewer media sections")
        older = [
            e for e in self._calls.of(call.device) if e.session_id != call.session_id and not e.follows(entry)
        ]
        if call.session_id in self._workers:  # else it has ended already
            self._calls.add(entry)
        for other in older:
            if call.device is not None and other.caller.key_id == entry.caller.key_id is not None:
                self.shared_keys.replaced(call.device, other.owner.who, owner.who)
            self._replace(other.session_id)
        self._note_device(call)
        return answer

    async def _renegotiate(self, entry: Entry, offered: Offered, address: str) -> Answer:
        answer = await self._workers.renegotiate(
            RenegotiateCall(
                session_id=entry.session_id,
                sdp=offered.sdp,
                type=offered.type,
                restart_pc=offered.restart_pc,
                address=address,
            )
        )
        entry.note(answer.pc_id)
        return answer

    async def patch(self, pc_id: str, candidates: list[CandidateItem], caller: Caller) -> None:
        """Pass trickled candidates to the call of this `pc_id`; raises as `offer` does."""
        self._patches.take(caller.address)
        entry = await self._by_pc_id(pc_id)
        if entry is None:
            raise NotFound("there is no session with this pc_id", remedy="make an offer first")
        entry.must_be_of(caller)
        welcome = [c for c in _readable(candidates) if not c.candidate or entry.kept.takes(c.candidate)]
        await self._workers.ask(PatchCall(session_id=entry.session_id, candidates=welcome))

    async def command(self, device: str, name: str, value: Any, number: str | None = None) -> None:
        """Send a command to a device that is in a call (docs/protocol.md, data channel); its result names the number.

        Raises:
            NotFound: it is in none.
        """
        entry = self._calls.with_device(device)
        await self._workers.ask(
            CommandCall(session_id=entry.session_id, command=name, value=value, id=number)
        )

    def described(self, device: str) -> dict[str, Any]:
        """What the media know of a device's call; nothing while it is in none."""
        entry = self._calls.current(device)
        return {} if entry is None else entry.described

    def live_session(self, device: str) -> str | None:
        """The call that a device is live in; `None` while it is in none."""
        entry = self._calls.current(device)
        return entry.session_id if entry is not None and entry.live else None

    async def say(self, call: SayCall) -> None:
        """Have something said in a call; raises NotFound where that is over."""
        await self._workers.ask(call)

    async def hush(self, session_id: str, number: int) -> None:
        """Have something said no more; a call that is over says nothing anyway."""
        try:
            await self._workers.ask(HushCall(session_id=session_id, number=number))
        except GatewayError as error:
            logger.info("number {} could not be stopped: {}", number, error.message)

    async def wake(self, device: str) -> None:
        """Have a device listen that waits for its word; raises NotFound where it is in no call."""
        await self._workers.ask(WakeCall(session_id=self._calls.with_device(device).session_id))

    async def answer(self, call: AnswerCall) -> None:
        """Answer what a bot has asked for; raises NotFound where its call is over."""
        await self._workers.ask(call)

    def board_of(self, device: str) -> str:
        """The board that a device in a call says it is.

        Raises:
            NotFound: it is in no call, or does not say.
        """
        if (board := self._calls.with_device(device).owner.board) is None:
            raise NotFound(f"{device} does not say what board it is", remedy="flash it over USB")
        return board

    async def end(self, session_id: str, reason: str) -> None:
        """End a call; one that has ended already is left alone."""
        try:
            await self._workers.end(EndCall(session_id=session_id, reason=reason))
        except GatewayError as error:
            logger.info("session {} could not be ended: {}", session_id, error.message)

    async def end_revoked(self) -> None:
        """End the calls of devices whose key was revoked meanwhile."""
        good = {d.id for d in await self._registry.all() if d.revoked_at is None}
        for entry in self._calls:
            if entry.caller.key_id is not None and entry.caller.key_id not in good:
                await self.end(entry.session_id, "revoked")

    def adopt(self, call: KeptCall) -> None:
        """Know a call that began before this process did, or at another front; or its newest connection."""
        self._calls.adopt(call)
        for session_id in self._calls.outdone(call.device):
            self._replace(session_id)

    def _replace(self, session_id: str) -> None:
        """End a call for a later one, which does not wait for that; its host may tell of the later one as well."""
        if (entry := self._calls.get(session_id)) is not None:
            entry.replaced = True
        name = f"end-{session_id}"
        if all(task.get_name() != name for task in self._beside):
            self._start(self.end(session_id, "replaced"), name)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def close(self) -> None:
        """Wait for what goes on beside the answers."""
        await asyncio.gather(*self._beside, return_exceptions=True)

    def take(self, event: SessionEvent) -> None:
        """Note that a call is live, and forget one that has ended."""
        self._calls.take(event)

    def devices_live(self) -> set[str]:
        """The names of devices that are in a call."""
        return {e.device for e in self._calls if e.device is not None and not e.replaced}

    async def _by_pc_id(self, pc_id: str | None) -> Entry | None:
        if not pc_id:
            return None
        if (found := self._calls.known_by(pc_id)) is None:
            await self._workers.settled()  # another front may have answered it a moment ago
            found = self._calls.known_by(pc_id)
        return found

    async def _device_name(self, caller: Caller, request_data: Any) -> str | None:
        """A key's name; without a key, what a device calls itself, unless that is the name of one with a key."""
        if caller.name is not None:
            return caller.name
        facts = _facts(request_data)
        claimed = facts.get("id") or facts.get("name")
        if claimed is None or caller.role is Role.OPERATOR:
            return claimed
        return None if claimed in {d.name for d in await self._registry.all()} else claimed

    def _note_device(self, call: OfferCall) -> None:
        """Its client does not wait until the disk has it."""
        if call.device is not None:
            facts = _facts(call.request_data)
            if fault := facts.get("fault"):
                logger.warning("{} has a part that does not work: {}", call.device, fault)
            seen = self._registry.seen(call.device, call.remote, facts.get("board"), facts.get("fw"))
            self._start(seen, f"seen-{call.session_id}")
            arrived = {
                "device": call.device,
                "address": call.remote,
                "board": facts.get("board"),
                "fw": facts.get("fw"),
                "last_failure": facts.get("last_failure"),
            }
            self._telemetry.publish("arrived", arrived)


def _facts(request_data: Any) -> dict[str, str]:
    """What a device says of itself, as short printable texts; anything else is left out."""
    device = request_data.get("device") if isinstance(request_data, dict) else None
    if not isinstance(device, dict):
        return {}
    texts = {k: "".join(filter(str.isprintable, v)) for k, v in device.items() if isinstance(v, str)}
    return {str(k)[:_MAX_FACT]: v[:_MAX_FACT] for k, v in texts.items() if v}


def _readable(candidates: list[CandidateItem]) -> list[CandidateItem]:
    """Those that are candidates, or their end: one that is none costs only itself, unless there are no others."""
    wrong = {
        n: c.candidate for n, c in enumerate(candidates) if c.candidate and not _is_candidate(c.candidate)
    }
    for number, text in wrong.items():
        if len(wrong) == len(candidates):
            raise BadOffer(f"candidates.{number}.candidate: {text[:120]!r} is no candidate")
        logger.info("a candidate was left out: {!r}", text[:120])
    return [candidate for n, candidate in enumerate(candidates) if n not in wrong]


def _is_candidate(text: str) -> bool:
    return sdp.parse_candidate(text.removeprefix("a=").removeprefix("candidate:")) is not None
