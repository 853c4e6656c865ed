"""The certificate of a device with an old mbedTLS, for a stock aiortc peer to present."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from aiortc import RTCPeerConnection
from aiortc.rtcdtlstransport import RTCDtlsFingerprint
from OpenSSL import SSL, crypto

DIRECTORY = Path(__file__).parents[1] / "data" / "certs"


def der() -> bytes:
    """The certificate."""
    return (DIRECTORY / "mbedtls_2_28.der").read_bytes()


def fingerprint(algorithm: str = "sha-256") -> str:
    """Its digest, as SDP writes it."""
    return hashlib.new(algorithm.replace("-", ""), der()).digest().hex(":").upper()


class OldCertificate:
    """Stands in for aiortc's RTCCertificate, which cannot hold what `cryptography` cannot parse."""

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:  # noqa: N802 -- aiortc's name
        """Its one fingerprint."""
        return [RTCDtlsFingerprint(algorithm="sha-256", value=fingerprint())]

    def _create_ssl_context(self, srtp_profiles: list[Any]) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(crypto.load_certificate(crypto.FILETYPE_ASN1, der()))
        key = (DIRECTORY / "mbedtls_2_28.key.der").read_bytes()
        context.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_ASN1, key))
        context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256")
        context.set_tlsext_use_srtp(b":".join(p.openssl_profile for p in srtp_profiles))
        return context


def present(pc: RTCPeerConnection) -> None:
    """Have a connection, which is new, present the old certificate."""
    pc._RTCPeerConnection__certificates = [OldCertificate()]  # type: ignore[attr-defined]
