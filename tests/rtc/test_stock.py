"""Fails when a private detail of aiortc or aioice that we touch moves; for Pipecat see tests/bot/test_stock.py."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from importlib import metadata
from typing import Any

import aiortc.rtcdtlstransport
import pytest
from aioice.ice import Connection as IceConnection
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.rtcsctptransport import SCTP_DATA_FIRST_FRAG, DataChunk, tsn_plus_one
from cryptography import x509
from OpenSSL import crypto
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import RawAudioTrack

from gateway.rtc import stock
from gateway.rtc.codec import OpusSettings
from gateway.rtc.connection import GatewayConnection, MediaConnection
from gateway.wire import sdp
from tests.support import certificate
from tests.support.offers import captured
from tests.support.waiting import until

Connection = RTCPeerConnection


def media_connection() -> MediaConnection:
    """A device's connection that nobody listens to."""
    return MediaConnection(addresses=["127.0.0.1"], small=True, opus=OpusSettings(), hear=lambda _heard: None)


@pytest.fixture
async def new() -> AsyncIterator[Callable[[], Connection]]:
    made: list[Connection] = []

    def make() -> Connection:
        made.append(RTCPeerConnection(RTCConfiguration(iceServers=[])))
        return made[-1]

    yield make
    await asyncio.gather(*(pc.close() for pc in made))


async def connect(caller: Connection, callee: Connection) -> None:
    """Connect two over loopback; the callee's checks are the caller's to set up."""
    stock.gather_on(caller, ["127.0.0.1"])
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(caller.localDescription)
    stock.gather_on(callee, ["127.0.0.1"])
    await callee.setLocalDescription(await callee.createAnswer())
    await caller.setRemoteDescription(callee.localDescription)


def connected(*pcs: Connection) -> bool:
    return all(pc.connectionState == "connected" for pc in pcs)


# -- versions


@pytest.mark.parametrize("package", stock.CHECKED)
def test_the_versions_are_those_that_were_checked(package: str) -> None:
    assert metadata.version(package) == stock.CHECKED[package]


# -- candidates


async def test_gathering_on_an_address_gives_exactly_one_candidate(new: Callable[[], Connection]) -> None:
    pc = new()
    pc.addTransceiver("audio")
    stock.gather_on(pc, ["127.0.0.1"])
    await pc.setLocalDescription(await pc.createOffer())
    candidates = sdp.parse(pc.localDescription.sdp).candidates
    assert [(c.transport, c.address, c.type) for c in candidates] == [("udp", "127.0.0.1", "host")]


async def test_gathering_on_some_changes_no_other_connection(new: Callable[[], Connection]) -> None:
    one, other = new(), new()
    for pc in (one, other):
        pc.addTransceiver("audio")
    stock.gather_on(one, ["127.0.0.1"])
    await other.setLocalDescription(await other.createOffer())
    assert "127.0.0.1" not in {c.address for c in sdp.parse(other.localDescription.sdp).candidates}


async def test_gathering_on_none_leaves_the_choice_to_aioice(new: Callable[[], Connection]) -> None:
    pc = new()
    pc.addTransceiver("audio")
    stock.gather_on(pc, None)
    assert "get_component_candidates" not in vars(ice_of(pc))


def ice_of(pc: Connection) -> IceConnection:
    [transport] = stock.dtls_transports(pc)
    return transport.transport._connection


def test_aioice_never_gathers_loopback_by_itself() -> None:
    assert "127.0.0.1" not in stock.host_addresses()


async def test_the_transports_of_a_bundled_connection_are_one(new: Callable[[], Connection]) -> None:
    a, b = new(), new()
    a.addTransceiver("audio")
    a.createDataChannel("x")
    await connect(a, b)
    assert len(stock.dtls_transports(b)) == 1


# -- garbage


@pytest.mark.parametrize(
    "datagram", [b"", b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(12) + b"\x00\x24\x00\x01\x00\x00\x00\x00"]
)
async def test_datagrams_that_the_stack_trips_over_are_dropped(
    new: Callable[[], Connection], datagram: bytes
) -> None:
    a, b = new(), new()
    a.createDataChannel("x")
    await connect(a, b)
    await until(lambda: connected(a, b), "both are connected")
    for protocol in ice_of(b)._protocols:
        protocol.datagram_received(datagram, ("127.0.0.1", 9))
    assert connected(a, b)


# -- certificates


def test_the_certificate_of_old_mbedtls_is_hashed() -> None:
    assert stock.fingerprints_match(certificate.der(), [("sha-256", certificate.fingerprint())])


def test_which_is_why_it_is_not_parsed() -> None:
    with pytest.raises(ValueError, match="signature_alg"):
        x509.load_der_x509_certificate(certificate.der())


def test_openssl_hands_the_bytes_over_as_they_came() -> None:
    loaded = crypto.load_certificate(crypto.FILETYPE_ASN1, certificate.der())
    assert crypto.dump_certificate(crypto.FILETYPE_ASN1, loaded) == certificate.der()


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "sha-512", "SHA-256"])
def test_every_digest_that_aiortc_knows_is_known(algorithm: str) -> None:
    value = certificate.fingerprint(algorithm.lower())
    assert stock.fingerprints_match(certificate.der(), [(algorithm, value)])
    assert algorithm.lower() in aiortc.rtcdtlstransport.X509_DIGEST_ALGORITHMS


def test_the_case_of_a_digest_does_not_matter() -> None:
    assert stock.fingerprints_match(certificate.der(), [("sha-256", certificate.fingerprint().lower())])


@pytest.mark.parametrize(
    "fingerprints",
    [
        [],
        [("sha-1", "00")],
        [("sha-256", "00")],
        [("sha-256", "")],
        [("sha-256", certificate.fingerprint()), ("sha-512", "00")],
        [("sha-256", certificate.fingerprint("sha-512"))],
    ],
)
def test_a_wrong_or_missing_fingerprint_does_not_match(fingerprints: list[tuple[str, str]]) -> None:
    assert not stock.fingerprints_match(certificate.der(), fingerprints)


async def test_a_peer_with_the_old_certificate_connects(new: Callable[[], Connection]) -> None:
    device, gateway = new(), new()
    certificate.present(device)
    device.createDataChannel("x")
    await old_certificate_call(device, gateway, hashed=True)
    await until(lambda: connected(device, gateway), "both are connected")


async def test_without_our_check_it_does_not(new: Callable[[], Connection]) -> None:
    device, gateway = new(), new()
    certificate.present(device)
    device.createDataChannel("x")
    failures: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, c: failures.append(c["exception"]))
    await old_certificate_call(device, gateway, hashed=False)
    [transport] = stock.dtls_transports(gateway)
    with contextlib.suppress(ValueError):
        await until(
            lambda: transport._ssl is not None and transport._ssl.get_peer_certificate() is not None,
            "DTLS is done",
        )
        transport._validate_peer_identity(aiortc.rtcdtlstransport.RTCDtlsParameters())
        pytest.fail("aiortc parses it now: our own check is not needed any more")


async def old_certificate_call(device: Connection, gateway: Connection, *, hashed: bool) -> None:
    stock.gather_on(device, ["127.0.0.1"])
    await device.setLocalDescription(await device.createOffer())
    await gateway.setRemoteDescription(device.localDescription)
    stock.gather_on(gateway, ["127.0.0.1"])
    if hashed:
        stock.hash_peer_certificate(gateway)
    await gateway.setLocalDescription(await gateway.createAnswer())
    await device.setRemoteDescription(gateway.localDescription)


async def test_a_peer_with_another_certificate_than_its_fingerprint_is_refused(
    new: Callable[[], Connection],
) -> None:
    device, gateway = new(), new()
    device.createDataChannel("x")
    stock.gather_on(device, ["127.0.0.1"])
    await device.setLocalDescription(await device.createOffer())
    lines = [
        "a=fingerprint:sha-256 " + certificate.fingerprint() if x.startswith("a=fingerprint:sha-256") else x
        for x in device.localDescription.sdp.split("\r\n")
        if not x.startswith(("a=fingerprint:sha-384", "a=fingerprint:sha-512"))
    ]
    await gateway.setRemoteDescription(RTCSessionDescription("\r\n".join(lines), "offer"))
    stock.gather_on(gateway, ["127.0.0.1"])
    stock.hash_peer_certificate(gateway)
    await gateway.setLocalDescription(await gateway.createAnswer())
    await device.setRemoteDescription(gateway.localDescription)
    await until(lambda: gateway.connectionState == "failed", "the gateway refuses")


# -- media


class Sender:
    """What aiortc asks of a sender."""

    kind = "audio"

    def __init__(self, replaced: RTCRtpSender) -> None:
        self.transport = replaced.transport
        self.identity = stock.sender_identity(replaced)
        self._ssrc, self._rtx_ssrc, self._stream_id, self._track_id = self.identity
        self.parameters: Any = None
        self.stopped = False

    async def send(self, parameters: Any) -> None:
        self.parameters = parameters

    async def stop(self) -> None:
        self.stopped = True

    def setTransport(self, transport: RTCDtlsTransport) -> None:  # noqa: N802 -- aiortc's name
        self.transport = transport


class Receiver:
    """What aiortc asks of a receiver."""

    def __init__(self, replaced: RTCRtpReceiver) -> None:
        self.transport = replaced.transport
        self.track = replaced.track
        self.parameters: Any = None
        self.packets: list[Any] = []
        self.stopped = False

    async def receive(self, parameters: Any) -> None:
        if self.parameters is None:
            self.parameters = parameters
            stock.register_receiver(self.transport, self, parameters)

    async def stop(self) -> None:
        self.stopped = True
        stock.unregister_receiver(self.transport, self)

    async def _handle_rtp_packet(self, packet: Any, arrival_time_ms: int) -> None:
        self.packets.append((packet, arrival_time_ms))

    async def _handle_rtcp_packet(self, packet: Any) -> None: ...

    def _handle_disconnect(self) -> None: ...

    def _set_rtcp_ssrc(self, ssrc: int) -> None: ...

    def setTransport(self, transport: RTCDtlsTransport) -> None:  # noqa: N802 -- aiortc's name
        self.transport = transport


async def test_our_media_take_the_place_of_aiortcs(new: Callable[[], Connection]) -> None:
    caller, callee = new(), new()
    caller.addTransceiver(AudioStreamTrack())
    stock.gather_on(caller, ["127.0.0.1"])
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(caller.localDescription)
    [transceiver] = callee.getTransceivers()
    transceiver.direction = "sendrecv"
    sender, receiver = Sender(transceiver.sender), Receiver(transceiver.receiver)
    stock.use_media(transceiver, sender, receiver)
    now: tuple[object, object] = (transceiver.sender, transceiver.receiver)
    assert now == (sender, receiver)
    stock.gather_on(callee, ["127.0.0.1"])
    await callee.setLocalDescription(await callee.createAnswer())
    assert f"a=ssrc:{sender.identity[0]} " in callee.localDescription.sdp
    await caller.setRemoteDescription(callee.localDescription)
    await until(lambda: bool(receiver.packets), "packets come to our receiver")
    assert stock.opus_payload_types(receiver.parameters) == [96]
    assert stock.opus_payload_types(sender.parameters) == [96]
    assert receiver.packets[0][0].payload_type == 96
    assert stock.send_rtp(receiver.transport, b"\x80\x60\x00\x01" + bytes(8) + b"x")
    await callee.close()
    assert sender.stopped
    assert receiver.stopped
    assert not stock.send_rtp(receiver.transport, b"\x80\x60\x00\x01" + bytes(8) + b"x")


async def test_nothing_is_sent_before_the_call_is_up(new: Callable[[], Connection]) -> None:
    pc = new()
    pc.addTransceiver("audio")
    [transport] = stock.dtls_transports(pc)
    assert not stock.send_rtp(transport, bytes(20))


async def test_only_opus_is_answered_without_extensions(new: Callable[[], Connection]) -> None:
    pc = new()
    await pc.setRemoteDescription(RTCSessionDescription(captured("chromium"), "offer"))
    [transceiver] = pc.getTransceivers()
    stock.answer_only_opus(transceiver, extensions=False)
    answer = (await pc.createAnswer()).sdp
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" in answer
    assert "a=extmap" not in answer


# -- browsers beside devices


async def test_a_browser_keeps_its_full_answer_beside_a_device() -> None:
    device = media_connection()
    await device.initialize(captured("libpeer"), "offer")
    browser = GatewayConnection(addresses=["127.0.0.1"])
    await browser.initialize(captured("chromium"), "offer")
    plain = SmallWebRTCConnection()
    await plain.initialize(captured("chromium"), "offer")
    try:
        ours, theirs = (sdp.parse(c.get_answer()["sdp"]).sections[0] for c in (browser, plain))
        assert kept(ours) == kept(theirs)
        assert list(ours.values("extmap"))
        assert len(list(ours.values("fingerprint"))) == 3
    finally:
        for connection in (device, browser, plain):
            await connection.disconnect()


def kept(section: sdp.Section) -> list[str]:
    """The lines that are the same for two connections."""
    own = ("a=candidate", "a=ice-", "a=fingerprint", "a=ssrc", "a=msid", "m=", "c=", "a=rtcp:")
    return [line for line in section.lines if not line.startswith(own)]


async def test_the_stock_classes_are_left_as_they_are() -> None:
    watched = (
        RTCPeerConnection,
        RTCDtlsTransport,
        RTCRtpSender,
        RTCRtpReceiver,
        IceConnection,
        RawAudioTrack,
    )
    before = [dict(vars(cls)) for cls in watched]
    device = media_connection()
    await device.initialize(captured("libpeer"), "offer")
    device.say(bytes(640), 16_000)
    await device.disconnect()
    assert [dict(vars(cls)) for cls in watched] == before


async def test_pieces_of_messages_that_never_end_end_their_own_connection(
    new: Callable[[], Connection],
) -> None:
    caller, callee = new(), new()
    heard: list[str] = []
    channel = caller.createDataChannel("rtvi-ai")
    callee.on("datachannel", lambda theirs: theirs.on("message", heard.append))
    await connect(caller, callee)
    assert caller.sctp is not None
    stock.bound_messages(callee, chunks=64)
    await until(lambda: channel.readyState == "open", "the channel is open")
    channel.send("x" * 50_000)  # in 42 pieces, each of which ends up in a whole message
    await until(lambda: len(heard) == 1, "a long message passes")
    for _ in range(80):
        chunk = DataChunk(flags=SCTP_DATA_FIRST_FRAG)
        chunk.tsn, chunk.stream_id, chunk.stream_seq, chunk.protocol = caller.sctp._local_tsn, 7, 0, 51
        chunk.user_data = b"x"
        caller.sctp._local_tsn = tsn_plus_one(chunk.tsn)
        await caller.sctp._send_chunk(chunk)
    await until(lambda: callee.connectionState in {"closed", "failed"}, "it has ended")
