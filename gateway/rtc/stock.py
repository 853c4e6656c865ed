"""Every private detail of aiortc and aioice that we touch, each on one connection, never for all; `alive` has the rest.

Checked against the versions below; `tests/rtc/test_stock.py` fails when one of them moves.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from aioice.candidate import Candidate
from aioice.ice import Connection as IceConnection
from aioice.ice import get_host_addresses
from aiortc import RTCPeerConnection, RTCRtpSender, RTCRtpTransceiver
from aiortc.rtcdtlstransport import RTCDtlsParameters, RTCDtlsTransport, State
from aiortc.rtcrtpparameters import (
    RTCRtpCodecParameters,
    RTCRtpParameters,
    RTCRtpReceiveParameters,
    RTCRtpSendParameters,
)
from aiortc.rtcsctptransport import DataChunk
from aiortc.rtp import is_rtcp
from loguru import logger
from OpenSSL import SSL, crypto
from pylibsrtp import Error as SrtpError

from gateway.rtc import alive
from gateway.rtc.rtp import RtpPacket, read

CHECKED = {"aiortc": "1.16.0", "aioice": "0.13.0"}

MAX_HELD_CHUNKS = 256
"""Of unfinished messages: 256 KB in pieces of a whole packet have as many, and a browser sends no larger messages."""
MAX_HELD_BYTES = 256 << 10
_RTP_HEADER = 12  # bytes (RFC 3550, section 5.1)
_DIGESTS: dict[str, Callable[[bytes], Any]] = {
    "sha-256": hashlib.sha256,
    "sha-384": hashlib.sha384,
    "sha-512": hashlib.sha512,
}


def dtls_transports(pc: RTCPeerConnection) -> set[RTCDtlsTransport]:
    """The transports of a connection; with BUNDLE there is one."""
    transports = {t.receiver.transport for t in pc.getTransceivers()}
    if pc.sctp is not None:
        transports.add(pc.sctp.transport)
    return transports


def gather_on(pc: RTCPeerConnection, addresses: Iterable[str] | None) -> None:
    """Gather host candidates on these local addresses only; `None` leaves the choice to aioice.

    To be called before the local description is set. aioice itself never gathers loopback.
    """
    if addresses is None:
        return
    chosen = list(addresses)
    for transport in dtls_transports(pc):
        ice: IceConnection = transport.transport._connection
        stock = ice.get_component_candidates

        async def gather(
            component: int,
            addresses: list[str],  # noqa: ARG001 -- aioice's signature
            timeout: int = 5,  # noqa: ASYNC109
            ice: IceConnection = ice,
            stock: Callable[..., Any] = stock,
        ) -> list[Candidate]:
            candidates: list[Candidate] = await stock(component, chosen, timeout)
            for protocol in ice._protocols:
                _drop_garbage(protocol)
            return candidates

        ice.get_component_candidates = gather  # type: ignore[method-assign]


def _drop_garbage(protocol: Any) -> None:
    """Keep datagrams from ending a call or filling the log that anyone may send.

    aiortc reads the first byte of an empty one, and closes; aioice leaves a struct.error of a malformed STUN
    attribute to the event loop, which logs a trace.
    """
    received: Callable[[bytes, Any], None] = protocol.datagram_received

    def guarded(data: bytes, addr: Any) -> None:
        if data:
            with contextlib.suppress(struct.error):
                received(data, addr)

    protocol.datagram_received = guarded


def host_addresses() -> list[str]:
    """The addresses that aioice would gather on: all of this machine's but loopback."""
    return get_host_addresses(use_ipv4=True, use_ipv6=True)


def hash_peer_certificate(pc: RTCPeerConnection) -> None:
    """Check the peer's fingerprint over the certificate's DER, without parsing it.

    aiortc parses it with `cryptography`, which rejects the NULL parameter that mbedTLS before 3.5 writes into
    an ECDSA signature algorithm. The digest of the bytes is all that RFC 8122, section 5 asks for.
    """
    for transport in dtls_transports(pc):
        transport._validate_peer_identity = partial(_validate, transport)  # type: ignore[method-assign]


_CIPHERS = b":".join(
    b"ECDHE-%s-%s" % (by, cipher)
    for by in (b"ECDSA", b"RSA")
    for cipher in (b"AES128-GCM-SHA256", b"CHACHA20-POLY1305", b"AES128-SHA", b"AES256-SHA")
)
"""aiortc's, and the same for peers whose certificate is RSA: GStreamer's, libpeer's as it is built by default."""


def handshake_with_any(pc: RTCPeerConnection) -> None:
    """Let a peer have an RSA certificate, and keep why a handshake fails; aiortc does neither."""
    for transport in dtls_transports(pc):
        if not hasattr(transport, "_failed_for"):
            transport._failed_for = None  # type: ignore[attr-defined]
            _offer_rsa(transport._RTCDtlsTransport__local_certificate)  # type: ignore[attr-defined]
            transport._do_handshake = partial(_handshake, transport, transport._do_handshake)  # type: ignore[method-assign]


def _offer_rsa(certificate: Any) -> None:
    stock: Callable[..., SSL.Context] = certificate._create_ssl_context

    def create(**profiles: Any) -> SSL.Context:
        context = stock(**profiles)
        context.set_cipher_list(_CIPHERS)
        return context

    certificate._create_ssl_context = create


async def _handshake(transport: RTCDtlsTransport, stock: Callable[[], Coroutine[Any, Any, None]]) -> None:
    assert transport._ssl is not None
    step = transport._ssl.do_handshake

    def noted() -> None:
        try:
            step()
        except SSL.WantReadError:
            raise
        except SSL.Error as error:
            said = [part[-1] for part in error.args[0]] if error.args else []
            transport._failed_for = f"DTLS: {', '.join(said) or 'the handshake was refused'}"  # type: ignore[attr-defined]
            raise

    transport._ssl.do_handshake = noted  # type: ignore[method-assign]
    await stock()
    if transport._state is State.FAILED and transport._failed_for is None:  # type: ignore[attr-defined]
        transport._failed_for = "DTLS: the other end did not finish the handshake"  # type: ignore[attr-defined]


def why_failed(pc: RTCPeerConnection) -> str:
    """Why a connection failed, in words."""
    for transport in dtls_transports(pc):
        if (why := getattr(transport, "_failed_for", None)) is not None:
            return str(why)
    theirs = sum(len(t.transport.getRemoteCandidates()) for t in dtls_transports(pc))
    return f"ICE: none of the client's {theirs} candidates answered"


def _validate(transport: RTCDtlsTransport, remote: RTCDtlsParameters) -> None:
    assert transport._ssl is not None
    certificate = transport._ssl.get_peer_certificate()
    if certificate is None or not fingerprints_match(
        crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate),
        ((f.algorithm, f.value) for f in remote.fingerprints),
    ):
        transport._failed_for = "DTLS: the certificate's fingerprint is not the one in the offer"  # type: ignore[attr-defined]
        transport._set_state(State.FAILED)


def fingerprints_match(der: bytes, fingerprints: Iterable[tuple[str, str]]) -> bool:
    """Whether every fingerprint with a digest that we know is that of `der`, and there is at least one."""
    known = [(a.lower(), v.upper()) for a, v in fingerprints if a.lower() in _DIGESTS]
    return bool(known) and all(
        value.replace(":", "") == _DIGESTS[a](der).hexdigest().upper() for a, value in known
    )


def answer_only_opus(transceiver: RTCRtpTransceiver, *, extensions: bool, red: int | None = None) -> None:
    """Leave Opus alone, and header extensions or none, to be answered on this transceiver.

    With it goes RED (RFC 2198), where that was offered under the payload type `red`: aiortc doesn't know it.
    """
    transceiver._codecs = [c for c in transceiver._codecs if c.name.lower() == "opus"]
    if red is not None:
        opus = transceiver._codecs[0].payloadType
        transceiver._codecs.append(
            RTCRtpCodecParameters("audio/red", 48_000, 2, red, parameters={f"{opus}/{opus}": None})
        )
    if not extensions:
        transceiver._headerExtensions = []


def use_media(transceiver: RTCRtpTransceiver, sender: Any, receiver: Any) -> None:
    """Put our sender and receiver in the place of aiortc's, before any of them has started."""
    transceiver._RTCRtpTransceiver__sender = sender  # type: ignore[attr-defined]
    transceiver._RTCRtpTransceiver__receiver = receiver  # type: ignore[attr-defined]


def has_unsent_messages(pc: RTCPeerConnection) -> bool:
    """Whether messages wait for their turn in SCTP; what is closed with them loses them."""
    return pc.sctp is not None and bool(pc.sctp._outbound_queue or pc.sctp._data_channel_queue)


def has_untaken_messages(pc: RTCPeerConnection) -> bool:
    """Whether messages were sent that the other end has not acknowledged: they may have been lost on the way."""
    return pc.sctp is not None and bool(pc.sctp._sent_queue)


def send_rtp(transport: RTCDtlsTransport, packet: bytes) -> bool:
    """Protect one RTP packet and send it at once, with no coroutine between; whether it could be."""
    pair = transport.transport._connection._nominated.get(1)
    if transport._state != State.CONNECTED or pair is None or transport._tx_srtp is None:
        return False
    if (signs := alive.signs_of(transport)) is not None and signs.expired:
        return False
    pair.protocol.transport.sendto(transport._tx_srtp.protect(packet), pair.remote_addr)
    return True


async def send_rtcp(transport: RTCDtlsTransport, report: bytes) -> None:
    """Protect and send a compound RTCP packet; lost where the client is gone, which ICE will say."""
    with contextlib.suppress(ConnectionError):
        await transport._send_rtp(report)


def opus_payload_types(parameters: RTCRtpParameters) -> list[int]:
    """Under which payload types Opus was negotiated; the first is the one that the answer names."""
    return [
        c.payloadType for c in parameters.codecs if c.name.lower() == "opus" and c.payloadType is not None
    ]


def red_payload_type(parameters: RTCRtpParameters) -> int | None:
    """Under which payload type RED was negotiated, if it was."""
    return next((c.payloadType for c in parameters.codecs if c.name.lower() == "red"), None)


def sender_identity(sender: RTCRtpSender) -> tuple[int, int, str, str]:
    """SSRC, RTX SSRC, stream id and track id, as they stand in the answer."""
    return sender._ssrc, sender._rtx_ssrc, sender._stream_id, sender._track_id


def register_sender(transport: RTCDtlsTransport, sender: Any, parameters: RTCRtpSendParameters) -> None:
    """Have RTCP about a sender's SSRC come to it."""
    transport._register_rtp_sender(sender, parameters)


def unregister_sender(transport: RTCDtlsTransport, sender: Any) -> None:
    """The opposite of `register_sender`."""
    transport._unregister_rtp_sender(sender)


def register_receiver(
    transport: RTCDtlsTransport, receiver: Any, parameters: RTCRtpReceiveParameters
) -> None:
    """Have the RTP of a section come to a receiver."""
    transport._register_rtp_receiver(receiver, parameters)


def unregister_receiver(transport: RTCDtlsTransport, receiver: Any) -> None:
    """The opposite of `register_receiver`."""
    transport._unregister_rtp_receiver(receiver)


def bound_messages(pc: RTCPeerConnection, chunks: int = MAX_HELD_CHUNKS, size: int = MAX_HELD_BYTES) -> None:
    """End a connection whose other end leaves more pieces of messages unfinished than these.

    aiortc looks through all that it holds for each chunk that comes, and heeds neither its window nor a message's size.
    """
    if (sctp := pc.sctp) is None or getattr(sctp, "_held", None) is not None:
        return
    stock: Callable[[DataChunk], Coroutine[Any, Any, None]] = sctp._receive_data_chunk
    window = sctp._advertised_rwnd
    sctp._held = 0  # type: ignore[attr-defined]

    async def receive(chunk: DataChunk) -> None:
        stream = sctp._get_inbound_stream(chunk.stream_id)
        before = len(stream.reassembly)
        await stock(chunk)
        sctp._held += len(stream.reassembly) - before  # type: ignore[attr-defined]
        if sctp._held > chunks or window - sctp._advertised_rwnd > size:  # type: ignore[attr-defined]
            logger.warning("the call ends: its client left {} pieces of messages unfinished", sctp._held)  # type: ignore[attr-defined]
            await sctp._abort()
            raise ConnectionError  # which aiortc's loop takes for the end of the connection

    sctp._receive_data_chunk = receive  # type: ignore[method-assign]


def take_rtp(transport: RTCDtlsTransport, receiver: Any, take: Callable[[RtpPacket], None]) -> None:
    """Have the packets of a registered receiver come to `take` straight from the socket, once DTLS is up.

    On aiortc's own way each is tried as STUN, queued, and wakes a task. That way is left to all else: STUN, DTLS,
    RTCP, other receivers' packets, the first of an SSRC (by which aiortc learns whose it is), and everything
    after the receiver was unregistered or DTLS went down. What SRTP does not authenticate changes nothing.
    """
    for protocol in transport.transport._connection._protocols:
        _short_cut(protocol, transport, receiver, take)


def _short_cut(
    protocol: Any, transport: RTCDtlsTransport, receiver: Any, take: Callable[[RtpPacket], None]
) -> None:
    stock: Callable[[bytes, Any], None] = protocol.datagram_received
    routes = transport._rtp_router.ssrc_table
    signs = alive.signs_of(transport)

    def received(data: bytes, addr: Any) -> None:
        if (
            not _is_rtp(data)
            or routes.get(int.from_bytes(data[8:12], "big")) is not receiver
            or transport._state is not State.CONNECTED
        ):
            stock(data, addr)
            return
        try:
            packet = read(transport._rx_srtp.unprotect(data))
        except (SrtpError, ValueError):
            return
        if signs is not None:
            signs.note()
        transport._RTCDtlsTransport__rx_packets += 1  # type: ignore[attr-defined]
        transport._RTCDtlsTransport__rx_bytes += len(data)  # type: ignore[attr-defined]
        take(packet)

    protocol.datagram_received = received


def _is_rtp(data: bytes) -> bool:
    """Neither STUN nor DTLS, by the first byte (RFC 7983, section 7), nor RTCP (RFC 5761, section 4)."""
    return len(data) >= _RTP_HEADER and 127 < data[0] < 192 and not is_rtcp(data)
