"""An offer as aiortc takes it, pure: what the standards let an offer leave out is spelt out; and answers set right."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.wire.sdp import Description, Section, parse, parse_candidate, rejection, without_zones

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_TRANSPORT = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")
_PLAIN_REJECTED = {
    "audio": ("m=audio 9 UDP/TLS/RTP/SAVPF {pt}", "a=rtpmap:{pt} opus/48000/2", "a=rtcp-mux", "a=inactive"),
    "video": ("m=video 9 UDP/TLS/RTP/SAVPF {pt}", "a=rtpmap:{pt} VP8/90000", "a=rtcp-mux", "a=inactive"),
    "application": ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000"),
}
"""What aiortc is told in the place of a section that the offer rejects: something that it can answer."""


def spelt_out(offer: str) -> str:
    """The offer as aiortc takes it.

    - Blanks behind a line, zones of addresses, and candidates that are none, are left out.
    - `a=end-of-candidates` is: aiortc fails at once where RFC 8863 waits for checks of the other end.
    - A direction or `a=rtcp-mux` of the session's is said in each section; without any direction it is sendrecv
      (RFC 8866, 6.7).
    - A rejected section gets what one that is taken has: aiortc answers it all the same, and `refused` says so after.
    - The BUNDLE group is in the order of the sections: aiortc stops the one transport of all where another leads it.

    Raises:
        BadOffer: it is no SDP.
    """
    offer = without_zones(offer)
    described = parse("\r\n".join(line.rstrip(" ") for line in offer.replace("\r\n", "\n").split("\n")))
    audio = next((s for s in described.sections if s.kind == "audio" and not s.rejected), None)
    if audio is None:
        return offer
    group = _group(described, audio)
    lines = [*_head(described, group)]
    for section in described.sections:
        lines += _rejected(described, section) if section.rejected else _taken(described, section)
        lines += _transport(described, section, audio)
    return "\r\n".join(lines) + "\r\n"


def _head(offer: Description, group: list[str]) -> Iterator[str]:
    named = f"a=group:BUNDLE {' '.join(group)}"
    found = False
    for line in offer.head:
        if line.startswith("a=group:BUNDLE"):
            found = True
            yield named
        elif line != "a=end-of-candidates":
            yield line
    if group and not found:
        yield named


def refused(answer: str, offer: str) -> str:
    """An answer of aiortc's in which what the offer rejects is rejected, and is in no group (RFC 8843, 7.3).

    Raises:
        BadOffer: one of them is no SDP.
    """
    offered = parse(offer).sections
    given = parse(answer)
    if not any(section.rejected for section in offered):
        return answer
    out = {mid for section in offered if section.rejected for mid in section.values("mid")}
    lines = [_without(line, out) for line in given.head]
    for section, asked in zip(given.sections, offered, strict=False):
        lines += rejection(asked) if asked.rejected else section.lines
    return "\r\n".join(lines) + "\r\n"


def _without(line: str, mids: set[str]) -> str:
    if not line.startswith("a=group:BUNDLE"):
        return line
    return " ".join(word for word in line.split() if word not in mids)


def _group(offer: Description, audio: Section) -> list[str]:
    """The mids that share the transport, in order; a rejected section does too, so that it has none of its own."""
    named = next((line.split()[1:] for line in offer.head if line.startswith("a=group:BUNDLE")), [])
    out = {mid for section in offer.sections if section.rejected for mid in section.values("mid")}
    if out and not named:
        named = [*audio.values("mid")]
    return [mid for section in offer.sections for mid in section.values("mid") if mid in {*named, *out}]


def _taken(offer: Description, section: Section) -> Iterator[str]:
    for line in section.lines:
        value = line.removeprefix("a=candidate:")
        if line == "a=end-of-candidates" or (value != line and parse_candidate(value) is None):
            continue
        yield line
    if section.kind not in {"audio", "video"}:
        return
    own = {line[2:] for line in section.lines}
    if not own & {*DIRECTIONS}:
        yield "a=" + next((line[2:] for line in offer.head if line[2:] in DIRECTIONS), "sendrecv")
    if "rtcp-mux" not in own and "a=rtcp-mux" in offer.head:
        yield "a=rtcp-mux"


def _rejected(offer: Description, section: Section) -> Iterator[str]:
    taken = {word for s in offer.sections if not s.rejected for word in s.lines[0].split()[3:]}
    free = next(pt for pt in range(127, 95, -1) if str(pt) not in taken)
    first, *rest = _PLAIN_REJECTED.get(section.kind, section.lines[:1])
    yield first.format(pt=free)
    yield from (line.format(pt=free) for line in rest)
    yield from (line for line in section.lines if line.startswith("a=mid:"))


def _transport(offer: Description, section: Section, audio: Section) -> Iterator[str]:
    """What a section leaves out that shares the transport of the audio."""
    for name in _TRANSPORT:
        own = None if section.rejected else offer.attribute(section, name)
        if own is None and (value := offer.attribute(audio, name)) is not None:
            yield f"a={name}:{value}"
