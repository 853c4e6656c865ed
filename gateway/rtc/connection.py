"""The WebRTC connection of a call, behind the interface that Pipecat's SmallWebRTC transport expects."""

from __future__ import annotations

import asyncio
import bisect
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiortc import RTCIceServer, RTCSessionDescription
from aiortc.sdp import SessionDescription, candidate_from_sdp
from aiortc.stats import RTCStatsReport
from loguru import logger
from pipecat.transports.smallwebrtc.connection import MAX_MESSAGE_QUEUE_SIZE, SmallWebRTCConnection

from gateway.errors import BadOffer
from gateway.ice_servers import IceServer
from gateway.rtc import alive, stock
from gateway.rtc.codec import OpusSettings
from gateway.rtc.jitter import JitterStats
from gateway.rtc.pacer import Outgoing
from gateway.rtc.playout import Heard
from gateway.rtc.receiver import DeviceReceiver
from gateway.rtc.rtcp import RTP_CLOCK, Reports
from gateway.rtc.sender import DeviceSender
from gateway.wire import messages, sdp_plain
from gateway.wire.sdp import offered_red, parse_candidate, without_zones

MAX_MESSAGE_BYTES = 1_200
"""libpeer's SCTP reassembles nothing: no message toward a device may be longer."""
TOLD_SECONDS = 5.0
"""For the data channel of a call that ends as soon as it is connected to open, so that its client learns why."""
TAKEN_SECONDS = 2.0
"""For what was sent to be acknowledged: SCTP sends a lost datagram again after one second."""
MAX_BUFFERED = 1 << 20
"""Bytes of messages that may wait for a client that does not take them."""


@dataclass(frozen=True, slots=True)
class MediaFigures:
    """How a call's media fares; loss is a fraction, times are milliseconds.

    `rtt_ms`, `far_jitter_ms` and `far_loss` are what the client reports by RTCP; `None` if it sends none.
    """

    rtt_ms: float | None
    far_jitter_ms: float | None
    far_loss: float | None
    jitter_ms: float
    loss: float
    delay_ms: float | None
    concealed: int | None
    late: int | None

    @classmethod
    def of_stats(cls, report: RTCStatsReport) -> MediaFigures | None:
        """Read aiortc's statistics, which know nothing of playout."""
        ours = next((s for s in report.values() if s.type == "inbound-rtp"), None)
        theirs = next((s for s in report.values() if s.type == "remote-inbound-rtp"), None)
        if ours is None:
            return None
        expected = ours.packetsReceived + ours.packetsLost
        return cls(
            rtt_ms=_ms(theirs.roundTripTime) if theirs else None,
            far_jitter_ms=_ms(theirs.jitter / RTP_CLOCK) if theirs else None,
            far_loss=theirs.fractionLost / 256 if theirs else None,
            jitter_ms=round(1000 * ours.jitter / RTP_CLOCK, 2),
            loss=round(max(0, ours.packetsLost) / expected, 4) if expected > 0 else 0.0,
            delay_ms=None,
            concealed=None,
            late=None,
        )

    @classmethod
    def of(cls, reports: Reports, playout: JitterStats) -> MediaFigures:
        """Join what both ends measured."""
        expected = playout.received + playout.lost
        return cls(
            rtt_ms=_ms(reports.rtt),
            far_jitter_ms=_ms(reports.far_jitter),
            far_loss=reports.far_loss,
            jitter_ms=round(playout.jitter_ms, 2),
            loss=round(playout.lost / expected, 4) if expected else 0.0,
            delay_ms=round(playout.delay_ms, 1),
            concealed=playout.concealed,
            late=playout.late,
        )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 2)


def _why(error: Exception, plain: str, offer: str) -> str:
    """In words that name the line of the offer, where it is one that aiortc stumbles over."""
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    line = _culprit(plain)
    if line is None:
        return said
    numbers = [n for n, own in enumerate(offer.splitlines(), 1) if own.strip() == line]
    where = f"line {numbers[0]}" if numbers else "line"
    return f"its {where} {line[:100]!r} ({said})"


def _culprit(sdp: str) -> str | None:
    """The line that aiortc can't read an SDP beyond; `None` where it reads it, and fails later."""
    lines = sdp.splitlines()
    if _reads(lines):
        return None
    reads = bisect.bisect_left(range(len(lines)), True, key=lambda n: not _reads(lines[: n + 1]))
    return lines[reads] if reads < len(lines) else None


def _reads(lines: list[str]) -> bool:
    try:
        SessionDescription.parse("\r\n".join(lines) + "\r\n")
    except Exception:  # noqa: BLE001 -- aiortc raises whatever a malformed line leads to
        return False
    return True


class GatewayConnection(SmallWebRTCConnection):
    """A connection that says which local addresses it may use.

    Args:
        addresses: gather host candidates on these; `None` for all of this machine's.
        ice_servers: STUN and TURN servers, for candidates beside those.
    """

    def __init__(
        self, *, addresses: Sequence[str] | None = None, ice_servers: Sequence[IceServer] = ()
    ) -> None:
        self.addresses = addresses
        super().__init__(ice_servers=[RTCIceServer([*s.urls], s.username, s.credential) for s in ice_servers])

    def _initialize(self) -> None:
        super()._initialize()
        # Of a client that has sent one of its pings and no more: Pipecat keeps all that it says from then on.
        self._pending_app_messages = deque(maxlen=MAX_MESSAGE_QUEUE_SIZE)  # type: ignore[assignment]

    async def _create_answer(self, sdp: str, type: str) -> None:  # noqa: A002 -- Pipecat's name
        try:
            plain = sdp_plain.spelt_out(sdp)
            await self._pc.setRemoteDescription(RTCSessionDescription(sdp=plain, type=type))
            self.force_transceivers_to_send_recv()
            self._prepare(sdp)
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except BadOffer:
            raise
        except Exception as error:  # aiortc raises whatever a malformed line leads to, at each of the steps
            raise BadOffer(f"the offer was refused: {_why(error, plain, sdp)}") from error
        self._answer = self._pc.localDescription

    def _prepare(self, offer: str) -> None:  # noqa: ARG002 -- read below
        stock.gather_on(self._pc, self.addresses)
        stock.hash_peer_certificate(self._pc)
        stock.handshake_with_any(self._pc)
        stock.bound_messages(self._pc)
        alive.watch(stock.dtls_transports(self._pc), self._pc.sctp)

    async def add_candidates(self, candidates: Sequence[tuple[str, str | None, int | None]]) -> None:
        """Add trickled candidates: (candidate, mid, m-line index); an empty one ends them (RFC 8840).

        One that is none costs only itself. An end is not passed on: aiortc would fail at once where there is no pair
        yet, and RFC 8863 has it wait for checks of the other end.

        Raises:
            BadOffer: none of them is a candidate.
        """
        wanted = [candidate for candidate in candidates if candidate[0]]
        refused = [why for candidate in wanted if (why := await self._add(*candidate)) is not None]
        for why in refused:
            logger.info("a candidate was left out: {}", why)
        if wanted and len(refused) == len(wanted):
            raise BadOffer(refused[0])

    async def _add(self, text: str, mid: str | None, index: int | None) -> str | None:
        """Add one; why not, where it can't be."""
        value = without_zones(text).removeprefix("a=").removeprefix("candidate:")
        if parse_candidate(value) is None:
            return f"not a candidate: {text[:100]}"
        candidate = candidate_from_sdp(value)
        transports = stock.dtls_transports(self._pc)
        try:
            if len(transports) == 1:  # of all sections, whichever this one names
                await next(iter(transports)).transport.addRemoteCandidate(candidate)
                return None
            candidate.sdpMid, candidate.sdpMLineIndex = mid, index
            await self._pc.addIceCandidate(candidate)
        except (ValueError, AssertionError, IndexError) as error:
            return f"{text[:100]}: {error or type(error).__name__}"
        return None

    @property
    def connected(self) -> bool:
        """Whether ICE and DTLS are up."""
        return bool(self._pc.connectionState == "connected")

    def why_failed(self) -> str:
        """Why it did not come to be, in words."""
        return stock.why_failed(self._pc)

    def restarting(self) -> bool:
        """Whether it is on its way to be connected."""
        return self._pc.connectionState in {"new", "connecting"}

    async def told(self) -> None:
        """Wait, not for long, until messages have gone, and have been taken."""
        if self._pc.sctp is None:
            return
        await self._no_more(self._has_to_tell, TOLD_SECONDS)
        await self._no_more(lambda: stock.has_untaken_messages(self._pc), TAKEN_SECONDS)

    async def _no_more(self, waits: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while waits() and self.connected and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # aiortc's channel tells Pipecat alone that it is open

    def _has_to_tell(self) -> bool:
        return bool(self._outgoing_messages_queue) or stock.has_unsent_messages(self._pc)

    async def abandon(self) -> None:
        """Close it without a word to the client."""
        await self._pc.close()

    def signs_of_life(self) -> int:
        """A count that stands still when the client is gone."""
        return alive.signs_of_life(stock.dtls_transports(self._pc))

    async def figures(self) -> MediaFigures | None:
        """How the media fares, as aiortc counts it; `None` before there is any."""
        return MediaFigures.of_stats(await self._pc.getStats())


class MediaConnection(GatewayConnection):
    """A connection with sound and messages: 16 kHz mono by our own media path.

    Args:
        small: the client is a small device: it is answered nothing that it cannot use, and sent no message that
            it cannot take.
        opus: the encoder's settings.
        hear: is given what the client says, 20 ms at a time.
        listens: says whether silence of the client matters just now.
        on_audio: called when sound goes out after silence.
        sent: is given each packet that goes out, and the Opus that it became.
    """

    def __init__(  # noqa: PLR0913 -- what a call's media need to know
        self,
        *,
        addresses: Sequence[str] | None = None,
        ice_servers: Sequence[IceServer] = (),
        small: bool,
        opus: OpusSettings,
        hear: Callable[[Heard], None],
        listens: Callable[[], bool] = lambda: True,
        on_audio: Callable[[], None] | None = None,
        sent: Callable[[Outgoing, bytes], None] | None = None,
    ) -> None:
        self._small = small
        self._opus = opus
        self._hear = hear
        self._listens = listens
        self._on_audio = on_audio
        self._sent = sent
        self._sender: DeviceSender | None = None
        self._receiver: DeviceReceiver | None = None
        super().__init__(addresses=addresses, ice_servers=ice_servers)

    def _initialize(self) -> None:
        super()._initialize()
        self._sender = self._receiver = None

    def _prepare(self, offer: str) -> None:
        super()._prepare(offer)
        transceiver = next(t for t in self._pc.getTransceivers() if t.kind == "audio")
        stock.answer_only_opus(transceiver, extensions=not self._small, red=offered_red(offer))
        if self._sender is None:
            self._sender = DeviceSender(transceiver.sender, self._opus, self._on_audio, self._sent)
            self._receiver = DeviceReceiver(
                transceiver.receiver, self._sender.reports, self._hear, self._listens
            )
            stock.use_media(transceiver, self._sender, self._receiver)

    def say(self, pcm: bytes, rate: int) -> None:
        """Say mono 16-bit PCM, as soon as what was said before has gone out."""
        if self._sender is not None:
            self._sender.write(pcm, rate)

    def hush(self) -> None:
        """Say nothing of what waits to be said."""
        if self._sender is not None:
            self._sender.clear()

    @property
    def speaks(self) -> bool:
        """Whether what was said goes out just now."""
        return self._sender is not None and self._sender.speaks

    def send_app_message(self, message: Any) -> None:
        if self._data_channel is not None and self._data_channel.bufferedAmount > MAX_BUFFERED:
            logger.warning("a message was left out: its client does not take those before it")
        elif not self._small:
            super().send_app_message(message)
        elif (text := messages.fitted(message, MAX_MESSAGE_BYTES)) is not None:
            self._send_text(text)
        else:
            logger.warning(
                "a message is too long for a device and was left out: {:.100}", json.dumps(message)
            )

    def _send_text(self, text: str) -> None:
        """What Pipecat's does with a message once it is JSON: in ASCII, where a letter may have twelve bytes."""
        if self._data_channel is not None and self._data_channel.readyState == "open":
            self._data_channel.send(text)
        elif self._data_channel_enabled and len(self._outgoing_messages_queue) < MAX_MESSAGE_QUEUE_SIZE:
            self._outgoing_messages_queue.append(text)

    async def figures(self) -> MediaFigures | None:
        if self._sender is None or self._receiver is None:
            return None
        return MediaFigures.of(self._sender.reports, self._receiver.stats.jitter)
