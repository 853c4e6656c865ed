"""A bot's end of its call, against the media's end of the pair."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import RawAudioTrack

from gateway.bot import track
from gateway.bot.connection import BotConnection, NotHere
from gateway.wire import talk
from gateway.wire.frames import Frame, Kind
from gateway.wire.pair import Pair
from tests.support.waiting import until

PCM = b"\1\0" * 320


class Clock:
    """An event loop's, with one timer, that goes on when it is told to."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._due: tuple[float, Callable[[], None]] | None = None

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, then: Callable[[], None]) -> Clock:
        self._due = when, then
        return self

    def cancel(self) -> None:
        self._due = None

    def pass_time(self, seconds: float) -> None:
        until = self._now + seconds
        while self._due is not None and self._due[0] <= until:
            self._now, then = self._due
            then()
        self._now = until


class Call:
    """A bot's connection, and the media's end with what came to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.came: list[Frame] = []
        self.events: list[tuple[Any, ...]] = []
        self.media = Pair(ours, self.came.append, lambda reason: self.events.append(("lost", reason)))
        self.connection = BotConnection("pc-1")
        self._pair = Pair(theirs, self.connection.take, lambda _: self.connection.lose())
        self.connection.attach(self._pair)
        self._serving = asyncio.create_task(self.connection.serve())
        for name in ("connected", "disconnected", "closed", "app-message", "track-status"):
            self.connection.add_event_handler(name, self._note(name))

    def _note(self, name: str) -> Any:
        async def note(_connection: object, *more: Any) -> None:
            self.events.append((name, *more))

        return note

    def tell(self, told: talk.Told) -> None:
        self.media.message(told.model_dump(mode="json"))

    def told(self) -> list[talk.FromBot]:
        return [talk.from_bot(f.message()) for f in self.came if f.kind is Kind.MESSAGE]

    async def close(self) -> None:
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)
        self.media.close()
        self._pair.close()


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    made = Call()
    yield made
    await made.close()


def connected(pc_id: str = "pc-1") -> talk.State:
    return talk.State(state="connected", pc_id=pc_id)


async def test_it_is_pipecats_connection(call: Call) -> None:
    assert isinstance(call.connection, SmallWebRTCConnection)
    assert call.connection.pc_id == "pc-1"
    assert call.connection.get_answer() is None  # type: ignore[no-untyped-call]
    assert call.connection.video_input_track() is None  # type: ignore[func-returns-value]


async def test_a_bot_that_asks_for_the_peer_connection_is_told_where_it_is(call: Call) -> None:
    with pytest.raises(NotHere, match="in another process"):
        _ = call.connection.pc


async def test_the_bot_says_when_it_is_ready_once(call: Call) -> None:
    await call.connection.connect()
    await call.connection.connect()
    await until(lambda: call.told() == [talk.Ready()], "it has said so")


@pytest.mark.parametrize("first", ["bot", "client"])
async def test_connected_is_told_when_both_are_there(call: Call, first: str) -> None:
    if first == "client":
        call.tell(connected())
        await until(lambda: call.connection._state == "connected", "the client is there")
        assert not call.connection.is_connected()
    await call.connection.connect()
    if first == "bot":
        assert not call.connection.is_connected()
        call.tell(connected())
    await until(lambda: call.events == [("connected",)], "it is told")
    assert call.connection.is_connected()


async def test_messages_wait_until_the_bot_is_there_and_keep_their_order(call: Call) -> None:
    call.tell(connected())
    for n in range(3):
        call.tell(talk.App(message={"n": n}))
    await until(lambda: len(call.connection._unread) == 3, "they wait")
    await call.connection.connect()
    call.tell(talk.App(message={"n": 3}))
    wanted = [("connected",), *(("app-message", {"n": n}) for n in range(4))]
    await until(lambda: call.events == wanted, "all have come")


async def test_sound_is_heard_and_silence_goes_on_by_itself(call: Call) -> None:
    heard = call.connection.audio_input_track()
    call.media.sound(Kind.HEARD, PCM, 16_000)
    assert await heard.read() == PCM
    call.media.signal(Kind.SILENCE)
    assert [await heard.read() for _ in range(5)] == [bytes(640)] * 5
    call.media.sound(Kind.HEARD, PCM, 16_000)
    while await heard.read() != PCM:
        pass


@pytest.mark.parametrize("late", [-0.005, 0.005])
async def test_silence_has_as_many_frames_as_there_was_time(late: float) -> None:
    heard = track.HeardTrack()
    clock = Clock(100.0)
    heard._clock = clock  # type: ignore[assignment]
    heard.silence()
    clock.pass_time(10 * track.PERIOD + late)
    heard.put(PCM)
    assert list(heard._queue) == [*[bytes(640)] * 10, PCM]


async def test_silence_that_is_held_takes_no_time(call: Call) -> None:
    heard = call.connection.audio_input_track()
    call.media.signal(Kind.SILENCE)
    assert await heard.read() == bytes(640)
    call.media.signal(Kind.HOLD)
    await until(lambda: heard._timer is None, "it is held")
    while heard._queue:
        await heard.read()
    waiting = asyncio.ensure_future(heard.read())
    call.media.sound(Kind.HEARD, PCM, 16_000)
    assert await waiting == PCM


async def listening(heard: track.HeardTrack) -> tuple[asyncio.Task[None], list[bytes]]:
    """A task that hears, and what it has heard; it waits."""
    got: list[bytes] = []

    async def hear() -> None:
        while True:
            got.append(await heard.read())

    task = asyncio.create_task(hear())
    await asyncio.sleep(0)
    return task, got


async def test_who_hears_goes_on_in_the_turn_in_which_the_sound_comes() -> None:
    heard = track.HeardTrack()
    task, got = await listening(heard)
    by_then: list[int] = []

    def two_come() -> None:
        for _ in range(2):
            heard.put(PCM)
            by_then.append(len(got))

    asyncio.get_running_loop().call_soon(two_come)
    await asyncio.sleep(0)
    assert by_then == [1, 2]
    task.cancel()


async def test_what_comes_while_another_task_runs_is_heard_after_that() -> None:
    heard = track.HeardTrack()
    task, got = await listening(heard)
    heard.put(PCM)
    assert got == []
    await asyncio.sleep(0)
    assert got == [PCM]
    task.cancel()


@pytest.mark.parametrize("ends", [lambda task, _: task.cancel(), lambda _, heard: heard.stop()])
async def test_who_waits_can_be_told_that_nothing_comes(ends: Any) -> None:
    heard = track.HeardTrack()
    task, got = await listening(heard)
    ends(task, heard)
    with pytest.raises((asyncio.CancelledError, MediaStreamError)):
        await task
    heard.put(PCM)
    assert got == []


async def test_long_silence_is_left_out_where_the_bot_may_rest(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "REST_SECONDS", 0.1)
    call.connection.rest_in_silence(allowed=True)
    heard = call.connection.audio_input_track()
    call.media.sound(Kind.HEARD, PCM, 16_000)
    call.media.signal(Kind.SILENCE)
    assert [await heard.read() for _ in range(6)] == [PCM, *[bytes(640)] * 5]
    await until(lambda: heard._timer is None, "it rests")
    while heard._queue:
        await heard.read()
    waiting = asyncio.ensure_future(heard.read())
    call.media.signal(Kind.SILENCE)
    call.media.sound(Kind.HEARD, PCM, 16_000)
    assert await waiting in {bytes(640), PCM}


async def test_heard_as_frames_it_has_a_rate_and_a_time(call: Call) -> None:
    heard = call.connection.audio_input_track()
    for _ in range(3):
        call.media.sound(Kind.HEARD, PCM, 16_000)
    frames = [await heard.recv() for _ in range(3)]
    assert [(f.sample_rate, f.samples, f.layout.name, f.pts) for f in frames] == [
        (16_000, 320, "mono", n * 320) for n in range(3)
    ]


async def test_of_what_a_bot_does_not_read_the_last_ten_seconds_are_kept(call: Call) -> None:
    heard = call.connection.audio_input_track()
    for n in range(track.MAX_QUEUED + 10):
        call.media.sound(Kind.HEARD, n.to_bytes(2, "little") * 320, 16_000)
    call.tell(talk.App(message="after"))
    await until(lambda: bool(call.connection._unread), "all has come")
    assert await heard.read() == (10).to_bytes(2, "little") * 320


async def test_what_the_bot_says_goes_to_the_media_at_its_own_rate(call: Call) -> None:
    track = RawAudioTrack(24_000)
    call.connection.replace_audio_track(track)
    await track.add_audio_bytes(bytes(480))
    await until(lambda: bool(call.came), "it has come")
    assert call.came == [Frame(Kind.SAID, bytes(480), 24_000)]


async def test_what_is_said_is_paced_and_an_interruption_clears_it(call: Call) -> None:
    track = RawAudioTrack(16_000)
    call.connection.replace_audio_track(track)
    assert track.add_audio_bytes(bytes(640)).done()
    waiting = track.add_audio_bytes(bytes(64_000))  # two seconds
    assert not waiting.done()
    waiting.cancel()
    await until(lambda: bool(call.came) and call.came[-1].kind is Kind.CLEAR, "it is cleared")


async def test_only_pipecats_track_can_be_spoken_through(call: Call) -> None:
    with pytest.raises(TypeError, match="AudioStreamTrack"):
        call.connection.replace_audio_track(AudioStreamTrack())


async def test_a_message_that_is_too_long_is_left_out(call: Call) -> None:
    call.connection.send_app_message({"x": "a" * 300_000})
    call.connection.send_app_message({"x": "b"})
    await until(lambda: call.told() == [talk.App(message={"x": "b"})], "the other has come")


async def test_of_more_messages_than_its_client_takes_some_are_left_out_and_the_call_goes_on(
    call: Call,
) -> None:
    for _ in range(1_000):
        call.connection.send_app_message({"text": "x" * 5_000})
    await until(lambda: bool(call.told()), "some are taken")
    await asyncio.sleep(0)
    assert call.events == []
    await until(lambda: call._pair._bytes == 0, "all of them are")
    call.connection.send_app_message("the last")
    await until(lambda: call.told()[-1] == talk.App(message="the last"), "it is taken as well")
    assert len(call.told()) < 1_000
    assert call.events == []


async def test_a_bot_that_hangs_up_hears_no_more(call: Call) -> None:
    heard = call.connection.audio_input_track()
    await call.connection.disconnect()
    await call.connection.disconnect()
    await until(lambda: call.told() == [talk.HangUp()], "it is told once")
    assert call.events == [("closed",)]
    with pytest.raises(MediaStreamError):
        await heard.recv()


async def test_a_restarted_connection_has_another_id_and_another_track(call: Call) -> None:
    await call.connection.connect()
    call.tell(connected())
    heard = call.connection.audio_input_track()
    call.tell(talk.State(state="disconnected", pc_id="pc-1"))
    call.tell(connected("pc-2"))
    await until(lambda: call.events == [("connected",), ("disconnected",), ("connected",)], "it is told")
    assert call.connection.pc_id == "pc-2"
    assert heard.readyState == "ended"
    assert call.connection.audio_input_track() is not heard


async def test_media_that_are_gone_are_to_a_bot_a_client_that_left(call: Call) -> None:
    await call.connection.connect()
    call.tell(connected())
    await until(lambda: call.events == [("connected",)], "it is connected")
    call.media.close()
    await until(lambda: call.events == [("connected",), ("closed",)], "it is closed")
    call.connection.send_app_message("nobody reads this")


async def test_a_client_that_turns_a_source_off_is_told(call: Call) -> None:
    call.tell(talk.Track(index=0, enabled=False))
    await until(lambda: call.events == [("track-status", 0, False)], "it is told")


async def test_a_bot_that_comes_after_the_client_has_left_is_told(call: Call) -> None:
    call.tell(talk.State(state="closed", pc_id="pc-1"))
    await until(lambda: call.connection._state == "closed", "it has left")
    assert call.events == []
    await call.connection.connect()
    await until(lambda: call.events == [("closed",)], "it is told")
