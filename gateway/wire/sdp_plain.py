"""An offer as aiortc takes it, pure: what the standards let an offer leave out is spelt out; and answers set right."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.wire.sdp import Description, Section, parse, parse_candidate, rejection, without_zones

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_TRANSPORT = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")
_STAND_IN = ("m=video 9 UDP/TLS/RTP/SAVPF {pt}", "a=rtpmap:{pt} VP8/90000", "a=rtcp-mux", "a=inactive")
"""What aiortc is told in the place of a section that is rejected, whatever it is: something that it can answer, and
that is never taken for the call's audio."""
_EXTENSION = re.compile(r"(a=extmap:\S+ \S+) .*")
_FORMAT = re.compile(r"a=(?:rtpmap|fmtp|rtcp-fb):(\S+) ")
_BARE_SSRC = re.compile(r"a=ssrc:\d+ [^:]*")
_PORTS = re.compile(r"(m=\S+ \d+)/\d+ ")


def spelt_out(offer: str) -> str:
    """The offer as aiortc takes it.

    - Blanks behind a line, zones of addresses, and candidates that are none, are left out.
    - `a=end-of-candidates` is: aiortc fails at once where RFC 8863 waits for checks of the other end.
    - A direction or `a=rtcp-mux` of the session's is said in each section; without any direction it is sendrecv
      (RFC 8866, 6.7).
    - Attributes of header extensions (RFC 8285, 5), of sources without a value (RFC 5576, 4.1), of formats that are
      not offered, and a number of ports (RFC 8866, 5.14) are left out.
    - A section that is rejected, or that no call here has, is one that aiortc answers; `refused` rejects it after.
    - The BUNDLE group is in the order of the sections: aiortc stops the one transport of all where another leads it.

    Raises:
        BadOffer: it is no SDP.
    """
    offer = without_zones(offer)
    described = parse(offer)
    audio = next((s for s in described.sections if s.kind == "audio" and not s.rejected), None)
    if audio is None:
        return offer
    group = _group(described, audio)
    lines = [*_head(described, group)]
    for index, section in enumerate(described.sections):
        out = index in described.refused
        lines += _stand_in(described, section) if out else _taken(described, section)
        lines += _transport(described, section, audio, own=not out)
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
    offered = parse(offer)
    given = parse(answer)
    if not offered.refused:
        return answer
    out = _refused_mids(offered)
    lines = [_without(line, out) for line in given.head]
    for index, (section, asked) in enumerate(zip(given.sections, offered.sections, strict=False)):
        lines += rejection(asked) if index in offered.refused else section.lines
    return "\r\n".join(lines) + "\r\n"


def _without(line: str, mids: set[str]) -> str:
    if not line.startswith("a=group:BUNDLE"):
        return line
    return " ".join(word for word in line.split() if word not in mids)


def _group(offer: Description, audio: Section) -> list[str]:
    """The mids that share the transport, in order; a rejected section does too, so that it has none of its own."""
    named = next((line.split()[1:] for line in offer.head if line.startswith("a=group:BUNDLE")), [])
    out = _refused_mids(offer)
    if out and not named and audio.mid is not None:
        named = [audio.mid]
    return [section.mid for section in offer.sections if section.mid in {*named, *out}]


def _refused_mids(offer: Description) -> set[str]:
    return {mid for index in offer.refused if (mid := offer.sections[index].mid) is not None}


def _taken(offer: Description, section: Section) -> Iterator[str]:
    for line in section.lines:
        value = line.removeprefix("a=candidate:")
        if line == "a=end-of-candidates" or (value != line and parse_candidate(value) is None):
            continue
        if _BARE_SSRC.fullmatch(line) is None and not _is_of_no_format(line, section):
            yield _PORTS.sub(r"\1 ", _EXTENSION.sub(r"\1", line))
    if section.kind not in {"audio", "video"}:
        return
    own = {line[2:] for line in section.lines}
    if not own & {*DIRECTIONS}:
        yield "a=" + next((line[2:] for line in offer.head if line[2:] in DIRECTIONS), "sendrecv")
    if "rtcp-mux" not in own and "a=rtcp-mux" in offer.head:
        yield "a=rtcp-mux"


def _is_of_no_format(line: str, section: Section) -> bool:
    found = _FORMAT.match(line)
    return found is not None and found[1] not in {"*", *section.lines[0].split()[3:]}


def _stand_in(offer: Description, section: Section) -> Iterator[str]:
    taken = {word for s in offer.sections if s.kind in {"audio", "video"} for word in s.lines[0].split()[3:]}
    free = next((pt for pt in (*range(127, 95, -1), *range(63, 34, -1)) if str(pt) not in taken), 127)
    yield from (line.format(pt=free) for line in _STAND_IN)
    if section.mid is not None:
        yield f"a=mid:{section.mid}"


def _transport(offer: Description, section: Section, audio: Section, *, own: bool) -> Iterator[str]:
    """What a section leaves out that shares the transport of the audio; all of it, where it is not its own."""
    for name in _TRANSPORT:
        given = offer.attribute(section, name) if own else None
        if given is None and (value := offer.attribute(audio, name)) is not None:
            yield f"a={name}:{value}"
