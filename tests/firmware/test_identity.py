import datetime as dt

from aiortc import RTCPeerConnection, RTCSessionDescription
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.firmware.interop import running
from tests.support.peer import loopback_only


async def test_cryptography_reads_the_certificate() -> None:
    """It refuses those of mbedTLS before 3.5: a NULL stands in their signature algorithm."""
    remote = RTCPeerConnection()
    remote.createDataChannel("probe")
    async with running("--answer", "--no-audio") as program:
        with loopback_only():
            await remote.setLocalDescription(await remote.createOffer())
        await program.tell("offer", remote.localDescription.sdp)
        answer = await program.sdp("answer")
        await remote.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await program.line("event connected")
        assert remote.sctp is not None
        ssl = remote.sctp.transport._ssl
        assert ssl is not None
        der = ssl.get_peer_certificate(as_cryptography=True)
        assert isinstance(der, x509.Certificate)
        assert der.fingerprint(hashes.SHA256()).hex(":").upper() in answer
        key = der.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(der.signature, der.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
        assert der.not_valid_before_utc < dt.datetime.now(dt.UTC) < der.not_valid_after_utc
        assert der.issuer == der.subject
    await remote.close()
