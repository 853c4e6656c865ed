"""A whole connection in the bot's process, as stock as Pipecat's: for calls with video."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import get_args

from gateway.errors import BadOffer
from gateway.ice_servers import IceServer
from gateway.rtc.connection import GatewayConnection
from gateway.wire import talk
from gateway.wire.frames import Frame, FrameError, Kind
from gateway.wire.pair import Pair

STATUS_SECONDS = 1.0


class WholeConnection(GatewayConnection):
    """What `runner_args.webrtc_connection` is: Pipecat's own, made and ended as the call's media ask.

    Args:
        ice_servers: STUN and TURN servers.
    """

    def __init__(self, ice_servers: Sequence[IceServer] = ()) -> None:
        self._pair: Pair | None = None
        self._told_to_end = False
        self._asked: asyncio.Queue[talk.Negotiate | talk.Candidates | talk.Close] = asyncio.Queue()
        self._met: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        super().__init__(ice_servers=ice_servers)
        for state in get_args(talk.StateName):
            self.add_event_handler(state, self._moved(state))

    def attach(self, pair: Pair) -> None:
        """Speak over this pair from now on."""
        self._pair = pair

    def take(self, frame: Frame) -> None:
        """Take a frame of the media's; sound is none of them."""
        if frame.kind is not Kind.MESSAGE:
            raise FrameError(f"a whole connection is sent no {frame.kind.name}")
        told = talk.to_bot(frame.message())
        if isinstance(told, talk.Negotiate | talk.Candidates | talk.Close):
            self._asked.put_nowait(told)
        elif isinstance(told, talk.App):
            self.send_app_message(told.message)

    def lose(self) -> None:
        """The media are gone: the call is over."""
        self._pair = None
        self._asked.put_nowait(talk.Close())

    async def met(self) -> bool:
        """Wait until the first offer has its answer; tells whether it got one."""
        return await self._met

    async def connect(self) -> None:
        """Called by the bot's transport once its pipeline is set up."""
        self._tell(talk.Ready())
        await super().connect()

    async def disconnect(self) -> None:
        """End the call. Where neither the media nor the client has, the bot hangs up."""
        if not self._told_to_end and self.pc.connectionState not in {"closed", "failed"}:
            self._tell(talk.HangUp())
        await super().disconnect()

    async def serve(self) -> None:
        """Do what the media ask, and report once a second, until cancelled."""
        while True:
            try:
                asked = await asyncio.wait_for(self._asked.get(), STATUS_SECONDS)
            except TimeoutError:
                await self._report()
                continue
            if isinstance(asked, talk.Close):
                self._told_to_end = True
                self._meet(False)
                await self.disconnect()
            else:
                await self._answer_to(asked)

    async def _answer_to(self, asked: talk.Negotiate | talk.Candidates) -> None:
        try:
            if isinstance(asked, talk.Candidates):
                await self.add_candidates(asked.items)
                self._tell(talk.Answered())
                return
            self.addresses = asked.addresses
            if self._answer is None:
                await self.initialize(asked.sdp, asked.type)
            else:
                await self.renegotiate(asked.sdp, asked.type, asked.restart)
        except BadOffer as error:
            self._tell(talk.Answered(refusal=error.message))
            self._meet(False)
            return
        assert self._answer is not None
        self._meet(True)
        self._tell(talk.Answered(sdp=self._answer.sdp, type=self._answer.type, pc_id=self.pc_id))

    def _meet(self, answered: bool) -> None:
        if not self._met.done():
            self._met.set_result(answered)

    def _moved(self, state: talk.StateName) -> Callable[[object], None]:
        return lambda _connection: self._tell(talk.State(state=state, pc_id=self.pc_id))

    async def _report(self) -> None:
        found = await self.figures()
        figures = None if found is None else dataclasses.asdict(found)
        self._tell(talk.Media(signs=self.signs_of_life(), figures=figures))

    def _tell(self, told: talk.Told) -> None:
        if self._pair is not None:
            self._pair.message(told.model_dump(mode="json"))
