"""The switchboard over calls that live in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import BadOffer, Busy, Forbidden, NoAudio, NotFound, RateLimited, Stopping
from gateway.front import reserved, sharing
from gateway.front.access import Caller
from gateway.front.calls import MAX_PC_IDS, Owner
from gateway.front.places.workers import Workers
from gateway.front.registry import Registry, Role, open_registry
from gateway.front.switchboard import Offered, Switchboard
from gateway.front.telemetry import Telemetry
from gateway.sections import Limits
from gateway.settings import Settings
from gateway.wire import sdp
from gateway.wire.calls import Answer, CandidateItem, EndCall, KeptCall, SessionEvent
from gateway.wire.sdp_lint import lint
from tests.support.offers import captured, made
from tests.support.waiting import until

OPERATOR = Caller("127.0.0.1", None, Role.OPERATOR)
STRANGER = Caller("192.168.1.9", None, Role.DEVICE)


def kitchen(address: str = "192.168.1.5") -> Caller:
    """A device with a key."""
    return Caller(address, "kitchen", Role.DEVICE)


@dataclass
class Board:
    """A switchboard with everything behind it."""

    switchboard: Switchboard
    workers: Workers
    registry: Registry
    telemetry: Telemetry
    ended: list[tuple[str, str]]

    async def offer(
        self,
        caller: Caller = OPERATOR,
        *,
        text: str | None = None,
        device: Any = None,
        pc_id: str | None = None,
        restart: bool = False,
        session_id: str | None = None,
    ) -> Answer:
        data = None if device is None else {"device": device}
        offered = Offered(text or captured("libpeer"), "offer", pc_id, restart, data)
        return await self.switchboard.offer(offered, caller, arrived_on="127.0.0.1", session_id=session_id)

    def sessions(self) -> dict[str, Any]:
        return {s["id"]: s["device"] for s in self.telemetry.sessions.values()}


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def begin(*, bots: dict[str, str] | None = None, **limits: float) -> Board:
            settings = Settings(in_process=True, bot="echo", bots=bots or {}, limits=Limits(**limits))  # type: ignore[arg-type]
            telemetry = Telemetry()
            registry = await stack.enter_async_context(open_registry(tmp_path))

            ended: list[tuple[str, str]] = []

            def take(number: int, event: SessionEvent) -> None:
                switchboard.take(event)
                telemetry.take(number, event)
                if event.kind == "ended":
                    ended.append((event.session_id, event.data["reason"]))

            workers = Workers(settings, take)
            switchboard = Switchboard(settings, registry, workers, telemetry)
            stack.push_async_callback(switchboard.close)
            await workers.start()
            stack.push_async_callback(workers.stop)
            return Board(switchboard, workers, registry, telemetry, ended)

        yield begin


@pytest.fixture
async def board(start: Callable[..., Any]) -> Board:
    found: Board = await start()
    return found


async def test_an_offer_is_answered_and_counted(board: Board) -> None:
    answer = await board.offer()
    assert answer.type == "answer"
    assert board.workers.count == 1
    assert b'voicegw_offers_total{outcome="answered"} 1.0' in board.telemetry.metrics()


async def test_a_refusal_is_counted_by_its_code(board: Board) -> None:
    with pytest.raises(NoAudio):
        await board.offer(text=captured("esp_peer_pcma"))
    assert b'voicegw_offers_total{outcome="no_audio"} 1.0' in board.telemetry.metrics()
    assert board.workers.count == 0


async def test_no_offer_is_taken_while_stopping(board: Board) -> None:
    board.switchboard.stopping = True
    with pytest.raises(Stopping):
        await board.offer()


async def test_a_full_gateway_is_busy(start: Callable[..., Any]) -> None:
    board = await start(sessions=1)
    await board.offer()
    with pytest.raises(Busy):
        await board.offer()


async def test_offers_are_limited_by_address(start: Callable[..., Any]) -> None:
    board = await start(offers_per_minute=4)
    await board.offer()
    with pytest.raises(RateLimited):
        await board.offer()
    await board.offer(STRANGER)


async def test_starts_are_limited_by_address_beside_the_offers(start: Callable[..., Any]) -> None:
    board = await start(offers_per_minute=4)
    session_id = await board.switchboard.reserve({}, STRANGER)
    with pytest.raises(RateLimited):
        await board.switchboard.reserve({}, STRANGER)
    await board.offer(STRANGER, session_id=session_id)
    await board.switchboard.reserve({}, OPERATOR)


async def test_candidates_are_limited_by_address_beside_the_offers(start: Callable[..., Any]) -> None:
    board = await start(offers_per_minute=4)
    answer = await board.offer(STRANGER)
    await board.switchboard.patch(answer.pc_id, [], STRANGER)
    with pytest.raises(RateLimited):
        await board.switchboard.patch(answer.pc_id, [], STRANGER)


# -- who is it


async def test_a_key_names_the_device_whatever_it_says(board: Board) -> None:
    await board.offer(kitchen(), device={"id": "liar"})
    assert list(board.sessions().values()) == ["kitchen"]


@pytest.mark.parametrize("device", [{"id": "kitchen"}, {"name": "kitchen"}])
async def test_without_a_key_a_device_names_itself(board: Board, device: dict[str, str]) -> None:
    await board.offer(STRANGER, device=device)
    assert list(board.sessions().values()) == ["kitchen"]


async def test_nobody_takes_the_name_of_a_device_with_a_key(board: Board) -> None:
    await board.registry.add("kitchen")
    await board.offer(STRANGER, device={"id": "kitchen"})
    assert list(board.sessions().values()) == [None]


@pytest.mark.parametrize("device", [{}, [], "x", 7, {"id": 7}, {"id": ""}, {"id": None}, {"x": "y"}])
async def test_an_odd_device_is_a_nameless_one(board: Board, device: Any) -> None:
    await board.offer(STRANGER, device=device)
    assert list(board.sessions().values()) == [None]


async def test_a_long_name_is_cut(board: Board) -> None:
    await board.offer(STRANGER, device={"id": "x" * 1_000})
    assert list(board.sessions().values()) == ["x" * 64]


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "a\nb"])
async def test_no_text_of_a_device_can_break_what_is_kept_of_it(board: Board, text: str) -> None:
    await board.registry.add("kitchen")
    await board.offer(kitchen(), device={"board": text, "fw": text})
    await board.offer(STRANGER, device={"id": text})
    for device in await board.registry.all():
        str(device).encode()
    str(board.telemetry.sessions).encode()


async def test_what_a_device_says_of_itself_is_kept(board: Board) -> None:
    await board.registry.add("kitchen")
    await board.offer(kitchen(), device={"board": "s3-box", "fw": "1.2"})
    await board.switchboard.close()
    [device] = await board.registry.all()
    assert (device.board, device.fw, device.address) == ("s3-box", "1.2", "192.168.1.5")


async def test_a_device_has_the_bot_that_is_set_for_it(start: Callable[..., Any]) -> None:
    board = await start(bots={"kitchen": "gateway.bots.echo"})
    await board.offer(kitchen())
    await board.offer(STRANGER)
    assert {s["bot"] for s in board.telemetry.sessions.values()} == {"echo", "gateway.bots.echo"}


# -- whose call is it


async def test_the_same_device_again_replaces_its_call(board: Board) -> None:
    await board.offer(kitchen())
    [first] = board.sessions()
    await board.offer(kitchen("192.168.1.6"))
    await until(lambda: board.ended == [(first, "replaced")], "the first has ended")
    assert list(board.sessions().values()) == ["kitchen"]


async def test_it_is_ended_once_where_a_host_tells_of_the_later_call_too(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    await board.offer(kitchen())
    [first] = board.sessions()
    asked: list[str] = []
    end = board.workers.end

    async def noted(call: EndCall) -> None:
        asked.append(call.session_id)
        await end(call)

    monkeypatch.setattr(board.workers, "end", noted)
    owner = asdict(Owner(kitchen(), None, sharing.Board(None, "192.168.1.5")))
    later = KeptCall(
        session_id="later", pc_id="1", device="kitchen", owner=owner, described={}, order=(1.0, 1)
    )
    board.switchboard.adopt(later)
    board.switchboard.adopt(later.model_copy(update={"pc_id": "2"}))
    await until(lambda: board.ended == [(first, "replaced")], "the first has ended")
    assert asked == [first]


async def test_the_nameless_replace_nobody(board: Board) -> None:
    await board.offer()
    await board.offer()
    assert board.workers.count == 2


async def test_a_call_that_fails_replaces_nobody(board: Board) -> None:
    await board.offer(kitchen())
    with pytest.raises(BadOffer):
        await board.offer(kitchen(), text="v=0\r\ns=-\r\n")
    assert board.ended == []


async def test_a_pc_id_leads_to_its_call(board: Board) -> None:
    first = await board.offer(kitchen())
    again = await board.offer(kitchen("192.168.1.6"), pc_id=first.pc_id, restart=True)
    assert again.pc_id != first.pc_id
    assert board.workers.count == 1
    third = await board.offer(kitchen(), pc_id=again.pc_id)
    assert third.pc_id == again.pc_id


@pytest.mark.parametrize(
    ("owner", "thief"),
    [
        (kitchen(), Caller("192.168.1.5", "thief", Role.DEVICE)),
        (kitchen(), Caller("192.168.1.5", None, Role.DEVICE)),
        (STRANGER, Caller("192.168.1.10", None, Role.DEVICE)),
        (STRANGER, kitchen(STRANGER.address)),
    ],
)
async def test_a_pc_id_is_no_key_to_anothers_call(board: Board, owner: Caller, thief: Caller) -> None:
    answer = await board.offer(owner)
    with pytest.raises(Forbidden):
        await board.offer(thief, pc_id=answer.pc_id, restart=True)
    with pytest.raises(Forbidden):
        await board.switchboard.patch(answer.pc_id, [], thief)


async def test_an_unknown_pc_id_makes_a_new_call(board: Board) -> None:
    await board.offer(pc_id="gone", restart=True)
    assert board.workers.count == 1


async def test_candidates_find_their_call(board: Board) -> None:
    answer = await board.offer()
    item = CandidateItem(
        candidate="candidate:1 1 udp 1 127.0.0.1 9 typ host", sdp_mid="audio", sdp_mline_index=0
    )
    await board.switchboard.patch(answer.pc_id, [item], OPERATOR)
    with pytest.raises(NotFound):
        await board.switchboard.patch("gone", [item], OPERATOR)


async def test_a_candidate_that_is_none_costs_only_itself(board: Board) -> None:
    answer = await board.offer()
    good, bad = (
        CandidateItem(candidate=c) for c in ("candidate:1 1 udp 1 127.0.0.1 9 typ host", "candidate:xx")
    )
    await board.switchboard.patch(answer.pc_id, [bad, good, bad], OPERATOR)
    with pytest.raises(BadOffer, match=r"candidates\.0\.candidate: 'candidate:xx' is no candidate"):
        await board.switchboard.patch(answer.pc_id, [bad, bad], OPERATOR)


async def test_revoked_devices_are_hung_up_on(board: Board) -> None:
    device, _ = await board.registry.add("kitchen")
    await board.offer(replace(kitchen(), key_id=device.id))
    await board.offer(STRANGER)
    [mine] = [i for i, name in board.sessions().items() if name == "kitchen"]
    await board.registry.revoke("kitchen")
    await board.switchboard.end_revoked()
    await until(lambda: board.ended == [(mine, "revoked")], "its call has ended")


async def test_a_name_that_was_enrolled_again_does_not_save_the_old_keys_call(board: Board) -> None:
    device, _ = await board.registry.add("kitchen")
    await board.offer(replace(kitchen(), key_id=device.id))
    await board.registry.revoke("kitchen")
    await board.registry.add("kitchen")
    await board.switchboard.end_revoked()
    await until(lambda: [reason for _, reason in board.ended] == ["revoked"], "its call has ended")


async def test_live_devices_are_known_by_name(board: Board) -> None:
    await board.offer(kitchen())
    await board.offer()
    assert board.switchboard.devices_live() == {"kitchen"}


async def test_ending_what_has_ended_is_nothing(board: Board) -> None:
    await board.switchboard.end("gone", "replaced")


# -- /start


async def test_a_reserved_session_has_its_id_and_body(board: Board) -> None:
    session_id = await board.switchboard.reserve({"device": {"id": "porch"}}, OPERATOR)
    await board.offer(session_id=session_id)
    assert board.sessions() == {session_id: "porch"}


async def test_of_two_offers_at_once_one_has_the_id_that_was_reserved(board: Board) -> None:
    session_id = await board.switchboard.reserve({}, OPERATOR)
    first, second = await asyncio.gather(
        board.offer(session_id=session_id), board.offer(session_id=session_id)
    )
    assert session_id in board.sessions()
    assert len(board.sessions()) == board.workers.count == 2
    await board.switchboard.end(session_id, "revoked")
    await until(lambda: board.workers.count == 1, "one of them has ended")
    left = [a for a in (first, second) if board.switchboard._calls.known_by(a.pc_id) is not None]
    await board.switchboard.patch(left[0].pc_id, [], OPERATOR)


async def test_a_session_that_was_never_reserved_is_a_new_call_under_an_id_of_ours(board: Board) -> None:
    await board.offer(session_id="0123456789abcdef")
    [session_id] = board.sessions()
    assert session_id != "0123456789abcdef"


async def test_a_session_that_has_ended_is_called_again_with_its_body(board: Board) -> None:
    session_id = await board.switchboard.reserve({"device": {"id": "porch"}}, OPERATOR)
    await board.offer(session_id=session_id)
    await board.switchboard.end(session_id, "revoked")
    await until(lambda: board.workers.count == 0, "its call has ended")
    await board.offer(session_id=session_id, pc_id="gone", restart=True)
    assert board.sessions() == {session_id: "porch"}


async def test_a_call_is_known_by_the_ids_that_it_had(board: Board) -> None:
    """The client did not hear the answers that named the others."""
    first = await board.offer(kitchen())
    for _ in range(MAX_PC_IDS - 2):
        again = await board.offer(kitchen(), pc_id=first.pc_id, restart=True)
        assert again.resumed
    assert board.workers.count == 1


async def test_a_refused_offer_leaves_the_reservation(board: Board) -> None:
    session_id = await board.switchboard.reserve({}, OPERATOR)
    with pytest.raises(NoAudio):
        await board.offer(text=captured("esp_peer_pcma"), session_id=session_id)
    await board.offer(session_id=session_id)
    assert list(board.sessions()) == [session_id]


async def test_reservations_are_bounded(start: Callable[..., Any]) -> None:
    board = await start(offers_per_minute=6_000)
    first = await board.switchboard.reserve({}, OPERATOR)
    for _ in range(reserved.MOST):
        await board.switchboard.reserve({}, OPERATOR)
    await board.offer(session_id=first)
    assert first not in board.sessions()


async def test_an_answer_over_4096_bytes_is_refused(board: Board) -> None:
    mids = tuple("m" * 1_500 + str(i) for i in range(3))
    with pytest.raises(BadOffer):
        await board.offer(text=made(mids=mids, video=True), device={})
    await until(lambda: board.workers.count == 0, "its call has ended")


# -- offers of every shape, as aiortc answers them


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"data": False},
        {"video": True},
        {"session_level": True},
        {"setup": "passive"},
        {"setup": "passive", "session_level": True},
        {"direction": "sendonly"},
        {"direction": "recvonly"},
        {"direction": "inactive"},
        {"profile": "UDP/TLS/RTP/SAVP"},
        {"profile": "RTP/SAVPF"},
        {"codecs": ((96, "opus/48000/2"),)},
        {"codecs": ((0, "PCMU/8000"), (111, "opus/48000/2"))},
        {"codecs": ((111, "opus/48000/2"), (96, "opus/48000/2"))},
        {"codecs": ((120, "OPUS/48000/2"),)},
        {"extensions": ("urn:ietf:params:rtp-hdrext:sdes:mid",)},
        {"candidates": ("1 1 udp 1 abc.local 9 typ host", "2 1 tcp 1 10.0.0.1 9 typ host tcptype active")},
        {"candidates": ("1 1 udp 1 fd00::1 9 typ host",)},
    ],
    ids=str,
)
async def test_every_accepted_offer_of_a_device_has_a_clean_answer(
    board: Board, options: dict[str, Any]
) -> None:
    answer = await board.offer(text=made(**options), device={})
    assert lint(answer.sdp) == []
    [candidate] = sdp.parse(answer.sdp).candidates
    assert candidate.address == "127.0.0.1"


async def test_a_hundred_calls_at_once_are_held_to_the_limit(start: Callable[..., Any]) -> None:
    board = await start(sessions=5, offers_per_minute=6_000)
    found = await asyncio.gather(*(board.offer() for _ in range(40)), return_exceptions=True)
    assert len([x for x in found if isinstance(x, Answer)]) == 5
    assert len([x for x in found if isinstance(x, Busy)]) == 35


async def test_one_place_without_keys_keeps_no_more_calls_than_its_share(start: Callable[..., Any]) -> None:
    board = await start(sessions=12, offers_per_minute=600)
    for _ in range(3):
        await board.offer(STRANGER)
    with pytest.raises(Busy, match="as many calls as one place may"):
        await board.offer(STRANGER)
    with pytest.raises(Busy, match="as many calls as one place may"):
        await board.offer(replace(STRANGER, role=Role.OPERATOR))
    await board.offer(replace(STRANGER, address="192.168.1.10"))
    await board.offer(replace(kitchen(STRANGER.address), key_id="k"))
    await board.offer(OPERATOR)


async def test_a_call_that_is_live_makes_room_for_another(start: Callable[..., Any]) -> None:
    board = await start(sessions=8, offers_per_minute=600)
    for _ in range(4):
        await board.offer(STRANGER)
        for session in board.sessions():
            live = SessionEvent(kind="session", session_id=session, data={"state": "live"})
            board.switchboard.take(live)
    with pytest.raises(Busy, match="as many calls as one place may"):
        await board.offer(STRANGER)  # half of all is the most


async def test_a_key_has_a_rate_wherever_it_is_used(start: Callable[..., Any]) -> None:
    board = await start(offers_per_minute=12)
    for number in range(3):
        await board.offer(kitchen(f"192.168.1.{number + 1}"))
    with pytest.raises(RateLimited, match="kitchen"):
        await board.offer(kitchen("192.168.1.9"))
