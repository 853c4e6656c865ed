"""The connection of a call against a stock peer in this process."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from aiortc import RTCCertificate, RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pipecat.transports.smallwebrtc.connection import MAX_MESSAGE_QUEUE_SIZE

from gateway.errors import BadOffer
from gateway.rtc import stock
from gateway.rtc.codec import OpusSettings
from gateway.rtc.connection import MAX_MESSAGE_BYTES, GatewayConnection, MediaConnection
from gateway.rtc.playout import Heard
from gateway.wire import sdp
from tests.support.offers import FINGERPRINT, captured, replaced
from tests.support.peer import Ear, Tone, loopback_only, pitch
from tests.support.waiting import until


def device(hear: Callable[[Heard], None], *, small: bool = True) -> MediaConnection:
    """A connection with a device at its other end, or with what can take more."""
    return MediaConnection(addresses=["127.0.0.1"], small=small, opus=OpusSettings(), hear=hear)


class Pair:
    """A stock peer that calls a device's connection."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.connection = device(lambda heard: self.heard.append(heard.pcm))
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peer.addTransceiver(Tone(440), direction="sendrecv")
        self.channel: RTCDataChannel = self.peer.createDataChannel("rtvi-ai")
        self.messages: list[str] = []
        self.channel.on("message", self.messages.append)
        self.ear = Ear()
        self.tasks: list[asyncio.Task[None]] = []
        self.peer.on("track", self._listen)

    def _listen(self, track: Any) -> None:
        self.tasks.append(asyncio.create_task(self.ear.listen(track)))

    async def connect(self) -> None:
        await self.call()
        await until(
            lambda: self.connection.connected and self.channel.readyState == "open", "both are connected"
        )

    async def call(self, edit: Callable[[str], str] = str) -> None:
        """Make an offer, which is edited on its way."""
        with loopback_only():
            await self.peer.setLocalDescription(await self.peer.createOffer())
        await self.connection.initialize(edit(self.peer.localDescription.sdp), "offer")
        await self.connection.connect()
        answer = sdp.device_answer(self.connection.get_answer()["sdp"], "127.0.0.1", bitrate=24_000)
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def close(self) -> None:
        await self.connection.disconnect()
        await self.peer.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    yield made
    await made.close()


async def test_20_ms_of_16_khz_mono_are_heard_at_a_time(pair: Pair) -> None:
    await pair.connect()
    await until(lambda: len(pair.heard) > 50, "a second is heard")
    assert {len(pcm) for pcm in pair.heard} == {640}
    samples = np.frombuffer(b"".join(pair.heard[25:]), np.int16).astype(np.float64)
    assert pitch(samples) == pytest.approx(440, abs=5)


async def test_what_is_said_at_any_rate_is_heard(pair: Pair) -> None:
    await pair.connect()
    at = np.arange(24_000) / 24_000
    samples = (8_000 * np.sin(2 * np.pi * 700 * at)).astype(np.int16)
    pair.connection.say(samples.tobytes(), 24_000)
    await until(lambda: pair.ear.hears(700), "the tone is heard")


async def test_nothing_is_heard_once_the_call_is_over(pair: Pair) -> None:
    await pair.connect()
    await until(lambda: bool(pair.heard), "something is heard")
    await pair.connection.disconnect()
    count = len(pair.heard)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.1)
    assert len(pair.heard) == count


async def test_a_message_that_fits_is_sent_and_a_longer_one_is_not(pair: Pair) -> None:
    await pair.connect()
    room = MAX_MESSAGE_BYTES - len('{"x":""}')
    pair.connection.send_app_message({"x": "a" * (room + 1)})
    pair.connection.send_app_message({"x": "b" * room})
    await until(lambda: bool(pair.messages), "a message has come")
    assert len(pair.messages) == 1
    assert len(pair.messages[0]) == MAX_MESSAGE_BYTES


async def test_text_that_is_not_ascii_has_the_bytes_of_utf_8(pair: Pair) -> None:
    pair.connection.send_app_message({"x": "\N{EURO SIGN}" * 390})  # waits for the channel to open
    await pair.connect()
    pair.connection.send_app_message({"x": "\N{EURO SIGN}" * 391})
    await until(lambda: len(pair.messages) == 2, "both have come")
    assert [len(json.loads(m)["x"]) for m in pair.messages] == [390, 391]


async def test_what_a_client_says_that_pings_no_more_is_not_kept_without_bound(pair: Pair) -> None:
    await pair.connect()
    await pair.connection.connect()
    pair.channel.send("ping")
    await until(lambda: pair.connection._last_received_time is not None, "it has come")
    pair.connection._last_received_time = 0.0  # three seconds ago and more
    for number in range(3 * MAX_MESSAGE_QUEUE_SIZE):
        pair.channel.send(json.dumps({"type": "x", "number": number}))
    last = 3 * MAX_MESSAGE_QUEUE_SIZE - 1
    waiting = pair.connection._pending_app_messages
    await until(lambda: bool(waiting) and waiting[-1]["number"] == last, "all have come")
    assert len(waiting) == MAX_MESSAGE_QUEUE_SIZE


@pytest.mark.parametrize("role", ["actpass", "active"])
async def test_a_peer_may_have_an_rsa_certificate(pair: Pair, role: str) -> None:
    with_rsa(pair.peer)
    await pair.call(lambda sdp: sdp.replace("setup:actpass", f"setup:{role}"))
    await until(lambda: pair.connection.connected, "it is connected")


async def test_why_a_handshake_failed_is_known(pair: Pair) -> None:
    await pair.call(lambda sdp: re.sub(r"a=fingerprint:.*", f"a=fingerprint:{FINGERPRINT}", sdp))
    why = "DTLS: the certificate's fingerprint is not the one in the offer"
    await until(lambda: pair.connection.why_failed() == why, "it has failed for that")


@pytest.mark.parametrize(
    ("name", "formats"), [("chromium_mic", "111 63"), ("libpeer", "111"), ("aiortc", "96")]
)
@pytest.mark.parametrize("small", [True, False])
async def test_redundancy_is_answered_where_it_is_offered(name: str, formats: str, *, small: bool) -> None:
    """Behind Opus: so a browser takes it, and sends none."""
    connection = device(lambda _heard: None, small=small)
    await connection.initialize(captured(name), "offer")
    await connection.connect()
    answer = connection.get_answer()["sdp"]
    assert f" UDP/TLS/RTP/SAVPF {formats}\r\n" in answer
    assert ("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in answer) is ("63" in formats)
    await connection.disconnect()


class RsaCertificate(RTCCertificate):
    """One as GStreamer and libpeer make it, with what OpenSSL would offer for it."""

    def _create_ssl_context(self, srtp_profiles: Any) -> Any:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256")
        return context


def with_rsa(peer: RTCPeerConnection) -> None:
    """Give a peer such a certificate."""
    key = rsa.generate_private_key(65_537, 2_048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1))
    made = made.not_valid_after(now + timedelta(days=1))
    certificate = RsaCertificate(key=key, cert=made.sign(key, hashes.SHA256()))  # type: ignore[arg-type]
    peer._RTCPeerConnection__certificates[:] = [certificate]  # type: ignore[attr-defined]
    for transport in stock.dtls_transports(peer):  # its data channel has one already
        transport._RTCDtlsTransport__local_certificate = certificate  # type: ignore[attr-defined]


CANDIDATE = "candidate:1 1 udp 2113937151 127.0.0.1 {} typ host"


async def test_one_bad_candidate_costs_only_itself(pair: Pair) -> None:
    await pair.call(lambda sdp: sdp.replace("a=end-of-candidates\r\n", ""))
    [transport] = stock.dtls_transports(pair.connection.pc)
    before = len(transport.transport.getRemoteCandidates())
    good = CANDIDATE.format(9), "a=" + CANDIDATE.format(10), CANDIDATE.format(11)
    await pair.connection.add_candidates(
        [(good[0], "0", 0), ("candidate:xx", "0", 0), ("", "0", 0), (good[1], "1", 1), (good[2], "?", None)]
    )
    ports = [candidate.port for candidate in transport.transport.getRemoteCandidates()]
    assert ports[before:] == [9, 10, 11]
    with pytest.raises(BadOffer, match="candidate:xx"):
        await pair.connection.add_candidates([("candidate:xx", "0", 0)])


async def test_figures_come_with_the_media(pair: Pair) -> None:
    assert await pair.connection.figures() is None
    await pair.connect()
    await until(lambda: bool(pair.heard), "something is heard")
    figures = await pair.connection.figures()
    assert figures is not None
    assert figures.loss == 0.0


async def test_signs_of_life_are_counted_while_the_client_is_there(pair: Pair) -> None:
    await pair.connect()
    before = pair.connection.signs_of_life()
    await until(lambda: pair.connection.signs_of_life() > before, "they come")


@pytest.mark.parametrize(
    ("old", "new"),
    [("a=ssrc:6", "a=ssrc:x"), ("a=rtpmap:111", "a=rtpmap:x"), ("a=mid:datachannel", "a=mid:audio"),
     ("a=sctp-port:5000", "a=sctp-port:x"), ("a=setup:passive", "a=setup:nonsense"), ("a=ice-ufrag:", "a=ice-x:")],
)  # fmt: skip
@pytest.mark.parametrize("browser", [False, True])
async def test_what_aiortc_trips_over_is_a_bad_offer_or_none(old: str, new: str, *, browser: bool) -> None:
    connection = GatewayConnection(addresses=["127.0.0.1"]) if browser else device(lambda _heard: None)
    try:
        await connection.initialize(replaced(captured("libpeer"), old, new), "offer")
    except BadOffer as error:
        assert error.message  # noqa: PT017
    await connection.disconnect()
