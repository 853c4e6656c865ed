"""The reference client: one call of a small device, as cheap as Python allows.

ICE by aioice, DTLS-SRTP by aiortc's transport; RTP is made and read here. It sends what it is given every
20 ms and notes when what comes back arrives; decoding is done afterwards, so that it costs nothing meanwhile.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import numpy as np
import numpy.typing as npt
from aiortc import RTCCertificate, RTCIceGatherer, RTCIceTransport
from aiortc.rtcdtlstransport import SRTP_AES128_CM_SHA1_80, RTCDtlsTransport
from aiortc.rtp import RtcpPacket
from aiortc.sdp import SessionDescription, candidate_to_sdp

from bench.signals import Heard
from gateway.rtc import rtp
from gateway.rtc.codec import OpusDecoder, OpusEncoder, OpusSettings, has_fec, packet_samples
from gateway.rtc.red import Redundancy, split
from gateway.rtc.rtcp import Reports

PERIOD: Final = 0.020
_TICKS: Final = 960
_SSRC: Final = 6  # libpeer's
_OPUS, _RED = 111, 63


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet that came: when (`time.monotonic`), and what is needed to play it."""

    when: float
    seq: int
    timestamp: int
    payload: bytes
    size: int = 0  # of what came, with the frames before it


class _Transport(RTCDtlsTransport):
    """aiortc's DTLS transport, handing RTP to us instead of to an RTCRtpReceiver."""

    def __init__(self, ice: RTCIceTransport, arrivals: list[Arrival], reports: Reports | None) -> None:
        super().__init__(ice, [RTCCertificate.generateCertificate()])
        self._srtp_profiles = [SRTP_AES128_CM_SHA1_80]
        self._arrivals = arrivals
        self._reports = reports
        self.lost: npt.NDArray[np.bool_] | None = None
        self._first_seq: int | None = None

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:  # noqa: ARG002
        now = time.monotonic()
        seq, timestamp = struct.unpack_from("!HL", data, 2)
        header = 12 + 4 * (data[0] & 0x0F)
        if data[0] & 0x10:
            header += 4 + 4 * int(struct.unpack_from("!H", data, header + 2)[0])
        if self._first_seq is None:
            self._first_seq = seq
        if self.lost is None or not self.lost[((seq - self._first_seq) & 0xFFFF) % self.lost.size]:
            self._arrivals += _frames(now, seq, timestamp, data[header:], data[1] & 0x7F)
            if self._reports is not None:
                self._reports.received(rtp.read(data))

    async def _handle_rtcp_data(self, data: bytes) -> None:
        """Left unread, as libpeer does, unless losses are of interest."""
        if self._reports is not None:
            for packet in RtcpPacket.parse(data):
                self._reports.take(packet)


def _frames(when: float, seq: int, timestamp: int, payload: bytes, payload_type: int) -> list[Arrival]:
    """What a packet brought: a frame, and those before it if it is RED."""
    if payload_type != _RED:
        return [Arrival(when, seq, timestamp, payload, len(payload))]
    primary, older = split(payload, [_OPUS])
    copies = [
        Arrival(when, seq - back & 0xFFFF, timestamp - block.offset & 0xFFFFFFFF, block.payload)
        for back, block in enumerate(older, 1)
    ]
    return [Arrival(when, seq, timestamp, primary, len(payload)), *copies]


@dataclass
class Device:
    """One call.

    `dtx`: it neither sends silence nor wants any; `redundant`: it takes RED, reports what it loses, and repeats where
    that is wanted, as our firmware does; `name`: of the device; `lost_up`, `lost_down`: which packets the
    network loses, None for none.
    """

    url: str
    name: str | None = None
    dtx: bool = False
    redundant: bool = False
    lost_up: npt.NDArray[np.bool_] | None = None
    lost_down: npt.NDArray[np.bool_] | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    offered_at: float = 0.0
    speaking_since: float = 0.0  # when the first sample was captured
    sent: list[int] = field(default_factory=list)  # bytes of each payload, also of those that were lost
    _seq: int = field(default_factory=lambda: secrets.randbits(15))
    first_timestamp: int = field(default_factory=lambda: secrets.randbits(32))
    _began: float = 0.0  # to speak, for the first time
    _redundancy: Redundancy = field(default_factory=lambda: Redundancy(_OPUS))

    async def connect(self) -> None:
        """Offer, answer, ICE, DTLS. Raises what httpx or asyncio raise if the gateway doesn't play along."""
        offer: dict[str, Any] = {"sdp": await self.offer(), "type": "offer"}
        if self.name is not None:
            offer["request_data"] = {"device": {"id": self.name}}
        async with httpx.AsyncClient(verify=False, timeout=30) as client:  # noqa: S501 -- plain HTTP, spares time
            self.offered_at = time.monotonic()
            response = await client.post(self.url, json=offer)
        response.raise_for_status()
        await self.accept(response.json()["sdp"])

    async def offer(self) -> str:
        """The SDP of a new call."""
        gatherer = RTCIceGatherer()
        await gatherer.gather()
        ice = RTCIceTransport(gatherer)
        ice._connection.ice_controlling = True  # noqa: SLF001 -- the offerer controls (RFC 8445 §6.1.1)
        self._reports = Reports(_SSRC) if self.redundant else None
        self._transport = _Transport(ice, self.arrivals, self._reports)
        self._transport.lost = self.lost_down
        return _offer(gatherer, self._transport, dtx=self.dtx, red=self.redundant)

    async def accept(self, answer: str) -> None:
        """Connect to whoever answered with this SDP."""
        ice = self._transport.transport
        media = SessionDescription.parse(answer).media[0]
        assert media.dtls is not None
        assert media.ice is not None
        for candidate in media.ice_candidates:
            await ice.addRemoteCandidate(candidate)
        await ice.addRemoteCandidate(None)
        await ice.start(media.ice)
        self._transport._set_role("server" if media.dtls.role == "client" else "client")  # noqa: SLF001
        await self._transport.start(media.dtls)
        if self._transport.state != "connected":
            raise ConnectionError("DTLS failed")
        if self._reports is not None:
            self._reporting = asyncio.create_task(self._report(self._reports), name="rtcp")

    async def _report(self, reports: Reports) -> None:
        while True:  # as often as our firmware (RFC 3550, section 6.2)
            await asyncio.sleep(secrets.SystemRandom().uniform(2.05, 6.15))
            report = reports.make(cname="bench", timestamp=0, packets=len(self.sent), octets=sum(self.sent))
            await self._transport._send_rtp(report)  # noqa: SLF001

    async def speak(self, packets: Sequence[bytes | None], seconds: float, *, offset: int = 0) -> None:
        """Send a packet every 20 ms, from the `offset`th on and around, for so long; none where it is `None`.

        Raises ConnectionError where the server ends the call meanwhile.
        """
        pair = self._transport.transport._connection._nominated[1]  # noqa: SLF001
        send, address = pair.protocol.transport.sendto, pair.remote_addr
        loop_start = self.speaking_since = time.monotonic()
        self._began = self._began or loop_start
        timestamp = self.first_timestamp + int((loop_start - self._began) / PERIOD) * _TICKS
        for index in range(int(seconds / PERIOD)):
            await asyncio.sleep(loop_start + (index + 1) * PERIOD - time.monotonic())
            packet = packets[(offset + index) % len(packets)]
            if packet is None:
                continue
            at = (timestamp + index * _TICKS) & 0xFFFFFFFF
            payload_type, payload = self._wrapped(packet, at)
            self.sent.append(len(payload))
            if pair.protocol.transport.is_closing():
                raise ConnectionError("the server has ended the call")
            datagram = self.protected(payload_type, payload, at)
            if self.lost_up is None or not self.lost_up[index % self.lost_up.size]:
                send(datagram, address)

    def protected(self, payload_type: int, payload: bytes, timestamp: int) -> bytes:
        """The next packet, as it goes out."""
        self._seq = (self._seq + 1) & 0xFFFF
        header = struct.pack("!BBHLL", 0x80, payload_type, self._seq, timestamp, _SSRC)
        datagram: bytes = self._transport._tx_srtp.protect(header + payload)  # noqa: SLF001
        return datagram

    def _wrapped(self, packet: bytes, timestamp: int) -> tuple[int, bytes]:
        """What goes out for a packet, and under which payload type."""
        if self._reports is None:
            return _OPUS, packet
        now = time.monotonic()
        self._redundancy.heed(self._reports.far_loss or 0.0, self._reports.far_lost, now)
        wrapped = self._redundancy.wrap(packet, timestamp, now)
        return (_OPUS, packet) if wrapped is None else (_RED, wrapped)

    async def close(self) -> None:
        """Hang up."""
        if self._reports is not None:
            self._reporting.cancel()
        await self._transport.stop()
        await self._transport.transport.stop()


def encode(pcm: bytes) -> list[bytes]:
    """PCM as the packets that a device would send."""
    encoder = OpusEncoder(OpusSettings(expected_loss=20))
    return [encoder.encode(pcm[start : start + 640]) for start in range(0, len(pcm) - 639, 640)]


def encode_with_dtx(pcm: bytes) -> list[bytes | None]:
    """The same of a device that sends no silence: `None` where it would send nothing (RFC 6716, section 2.1.9)."""
    encoder = OpusEncoder(OpusSettings(expected_loss=20, dtx=True))
    packets = [encoder.encode(pcm[start : start + 640]) for start in range(0, len(pcm) - 639, 640)]
    return [packet if len(packet) > 2 else None for packet in packets]


def listen(arrivals: list[Arrival]) -> Heard:
    """Play what arrived, in order; a missing packet is restored from its successor or concealed."""
    decoder = OpusDecoder()
    pcm: list[npt.NDArray[np.float64]] = []
    when: list[npt.NDArray[np.float64]] = []
    previous: Arrival | None = None
    for arrival in _in_order(arrivals):
        missing = (arrival.seq - previous.seq - 1) & 0xFFFF if previous else 0
        sounds = _bridge(decoder, arrival.payload, missing) if missing < 500 else []
        for sound in (*sounds, decoder.decode(arrival.payload)):
            samples = np.frombuffer(sound, "<i2").astype(np.float64)
            pcm.append(samples)
            when.append(arrival.when + np.arange(samples.size) / 16_000)
        previous = arrival
    return Heard(np.concatenate(pcm), np.concatenate(when))


def _bridge(decoder: OpusDecoder, following: bytes, missing: int) -> list[bytes]:
    samples = packet_samples(following)
    sounds = [decoder.conceal(samples) for _ in range(missing - 1)]
    if missing:
        sounds.append(
            decoder.decode_fec(following, samples) if has_fec(following) else decoder.conceal(samples)
        )
    return sounds


def _in_order(arrivals: list[Arrival]) -> list[Arrival]:
    if not arrivals:
        return []
    first = arrivals[0].seq
    unique = {(arrival.seq - first + 0x8000) & 0xFFFF: arrival for arrival in reversed(arrivals)}
    return [unique[key] for key in sorted(unique)]


def _offer(gatherer: RTCIceGatherer, transport: Any, *, dtx: bool, red: bool) -> str:
    """What libpeer offers, one audio section, Opus only; and redundancy of that, if wanted."""
    ice = gatherer.getLocalParameters()
    fingerprint = next(f for f in transport.getLocalParameters().fingerprints if f.algorithm == "sha-256")
    lines = [
        "v=0",
        "o=- 1495799811084970 1495799811084970 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=msid-semantic: iot",
        "a=group:BUNDLE 0",
        f"m=audio 9 UDP/TLS/RTP/SAVPF 111{' 63' if red else ''}",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        *(["a=fmtp:111 usedtx=1"] if dtx else []),
        *(["a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111"] if red else []),
        f"a=ssrc:{_SSRC} cname:webrtc-opus",
        f"a=fingerprint:sha-256 {fingerprint.value}",
        "a=setup:passive",
        f"a=ice-ufrag:{ice.usernameFragment}",
        f"a=ice-pwd:{ice.password}",
        *(f"a=candidate:{candidate_to_sdp(candidate)}" for candidate in gatherer.getLocalCandidates()),
        "",
    ]
    return "\r\n".join(lines)
