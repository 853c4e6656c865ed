"""The captured offers, and offers made to measure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

DIRECTORY = Path(__file__).parents[1] / "data" / "sdp"
BROWSERS = ("aiortc", "chromium", "chromium_mic", "firefox", "pipecat_js")
DEVICES = ("esp_peer", "libpeer")
WITHOUT_OPUS = ("esp_peer_opus_16000", "esp_peer_pcma")


def captured(name: str) -> str:
    """A captured offer, with its line ends as they were."""
    return (DIRECTORY / f"{name}.sdp").read_bytes().decode()


def replaced(text: str, old: str, new: str) -> str:
    """A text with one part replaced, which must be there."""
    assert old in text, old
    return text.replace(old, new)


def without(text: str, prefix: str) -> str:
    """A text without the lines that begin like this, of which there must be one."""
    lines = text.split("\r\n")
    kept = [line for line in lines if not line.startswith(prefix)]
    assert len(kept) < len(lines), prefix
    return "\r\n".join(kept)


FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)


def made(
    *,
    codecs: Sequence[tuple[int, str]] = ((111, "opus/48000/2"),),
    extensions: Sequence[str] = (),
    direction: str = "sendrecv",
    setup: str = "actpass",
    candidates: Sequence[str] = (),
    video: bool = False,
    data: bool = True,
    mids: Sequence[str] = ("0", "1", "2"),
    profile: str = "UDP/TLS/RTP/SAVPF",
    session_level: bool = False,
) -> str:
    """An offer of a device, of these parts."""
    transport = [
        "a=ice-ufrag:abcd",
        "a=ice-pwd:" + "p" * 24,
        f"a=fingerprint:{FINGERPRINT}",
        f"a=setup:{setup}",
    ]
    own = [] if session_level else transport
    count = 1 + video + data
    lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {' '.join(mids[:count])}"]
    lines += transport if session_level else []
    names = iter(mids)
    lines += [f"m=audio 9 {profile} {' '.join(str(pt) for pt, _ in codecs)}", "c=IN IP4 0.0.0.0"]
    lines += [*own, f"a=mid:{next(names)}", f"a={direction}", "a=rtcp-mux"]
    lines += [f"a=extmap:{i} {uri}" for i, uri in enumerate(extensions, 1)]
    lines += [f"a=rtpmap:{pt} {name}" for pt, name in codecs]
    lines += [f"a=candidate:{c}" for c in candidates]
    if video:
        lines += ["m=video 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", *own, f"a=mid:{next(names)}"]
        lines += ["a=sendrecv", "a=rtcp-mux", "a=rtpmap:96 VP8/90000"]
    if data:
        lines += ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", *own]
        lines += [f"a=mid:{next(names)}", "a=sctp-port:5000"]
    return "\r\n".join(lines) + "\r\n"
