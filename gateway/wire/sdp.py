"""SDP, pure: check an offer, shape an answer for a small device.

The limits are libpeer's and pipecat-esp32's, the clients that most ESP32 devices run (docs/protocol.md says
where each comes from).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from gateway.errors import BadOffer, NoAudio, NoRoute

MAX_LINES = 1_000
MAX_LINE_BYTES = 2_048
MAX_SECTIONS = 8
DEVICE_ANSWER_BYTES = 4_096
"""pipecat-esp32 reads the whole JSON reply into a buffer of this size."""

_OPUS = re.compile(r"^a=rtpmap:(\d{1,3}) opus/48000(?:/[12])?$", re.IGNORECASE)

_RED = re.compile(r"^a=rtpmap:(\d{1,3}) red/48000/2$", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,10}")
_TRANSPORT = {
    "ice-ufrag": re.compile(r"\S{1,256}"),
    "ice-pwd": re.compile(r"\S{1,256}"),
    "fingerprint": re.compile(r"\S+ [0-9A-Fa-f:]+"),
    "setup": re.compile(r"actpass|active|passive"),
}
"""What each section has, or the session for all, and its form (RFC 8839, 5.4; RFC 8122, 5; RFC 4145, 4)."""
_FORMS = {**_TRANSPORT, "mid": re.compile(r"\S+")}
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What no line has (RFC 8866, 9: byte-string), what others take for the end of one, and what UTF-8 can't write."""
_ZONE: Final = re.compile(r"(?i)\b(fe80:[0-9a-f:]*)%[^\s]+")


class Client(StrEnum):
    """Who made an offer, for the purpose of what may be answered."""

    DEVICE = "device"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One `a=candidate` line (RFC 8839, section 5.1)."""

    transport: str
    address: str
    port: int
    type: str


@dataclass(frozen=True, slots=True)
class Section:
    """One m-section: its `m=` line and all lines below it."""

    kind: str
    lines: tuple[str, ...]
    line: int = 0
    """The number of its first line in the whole, from 1."""

    def values(self, name: str) -> Iterator[str]:
        """The values of the attribute `name`, in order; empty for a flag."""
        prefix = f"a={name}"
        for line in self.lines:
            if line == prefix:
                yield ""
            elif line.startswith(prefix + ":"):
                yield line[len(prefix) + 1 :]

    @property
    def opus(self) -> str | None:
        """The payload type that Opus was offered under."""
        formats = self.lines[0].split()[3:]
        for line in self.lines:
            match = _OPUS.match(line)
            if match and match[1] in formats:
                return match[1]
        return None

    @property
    def red(self) -> str | None:
        """The payload type that redundancy of this Opus alone (RED, RFC 2198) was offered under, as by Chromium."""
        formats, opus = self.lines[0].split()[3:], self.opus
        for line in self.lines:
            match = _RED.match(line)
            if match and match[1] in formats and match[1] != opus and self._repeats(match[1], opus):
                return match[1]
        return None

    def _repeats(self, red: str, opus: str | None) -> bool:
        """Whether the parameters of RED name Opus, and more than once (RFC 2198, section 4)."""
        repeated = [v.partition(" ")[2].split("/") for v in self.values("fmtp") if v.startswith(f"{red} ")]
        return any(len(types) > 1 and set(types) == {opus} for types in repeated)

    @property
    def mid(self) -> str | None:
        """Its name in groups (RFC 5888)."""
        return next(self.values("mid"), None)

    @property
    def carries_data(self) -> bool:
        """Whether it is one of data channels (RFC 8841, and its drafts, which wrote DTLS/SCTP)."""
        return self.kind == "application" and self.lines[0].split()[2].endswith("DTLS/SCTP")

    @property
    def rejected(self) -> bool:
        """Whether the section's port is 0 (RFC 8843 lets a bundled one have it, marked bundle-only)."""
        return self.lines[0].split()[1] == "0" and "a=bundle-only" not in self.lines


@dataclass(frozen=True, slots=True)
class Description:
    """An SDP cut at its m-lines."""

    head: tuple[str, ...]
    sections: tuple[Section, ...]

    def attribute(self, section: Section, name: str) -> str | None:
        """The first value of `name` in the section, else at session level (RFC 8866, section 5.13)."""
        return next(section.values(name), None) or next(Section("", self.head).values(name), None)

    @property
    def refused(self) -> frozenset[int]:
        """Which sections an answer rejects: those that the offer does, and what no call here has (RFC 3264, 6)."""
        found, has_data = set(), False
        for index, section in enumerate(self.sections):
            is_data = section.carries_data and not has_data
            if section.rejected or not (is_data or section.kind in {"audio", "video"}):
                found.add(index)
            else:
                has_data = has_data or is_data
        return frozenset(found)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        found = (parse_candidate(v) for s in self.sections for v in s.values("candidate"))
        return tuple(c for c in found if c is not None)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a call needs to know of an offer."""

    text: str
    client: Client
    candidates: tuple[Candidate, ...]


def parse_candidate(value: str) -> Candidate | None:
    """Read the value of an `a=candidate` attribute, or give `None` where it is not one (RFC 8839, 5.1)."""
    parts = value.split()
    if len(parts) < 8 or parts[6] != "typ":
        return None
    related = [port for name, port in pairwise(parts[8:]) if name == "rport"]
    if not all(map(_NUMBER.fullmatch, [parts[1], parts[3], parts[5], *related])):
        return None
    if int(parts[5]) > 65_535:
        return None
    return Candidate(parts[2].lower(), parts[4], int(parts[5]), parts[7])


def parse(text: str) -> Description:
    """Cut an SDP into its session part and its m-sections.

    Raises:
        BadOffer: too long, or not SDP; names the line.
    """
    lines = [line.rstrip(" \t") for line in text.replace("\r\n", "\n").rstrip("\n").split("\n")]
    if len(lines) > MAX_LINES:
        raise BadOffer(f"the SDP has {len(lines)} lines", remedy=f"stay under {MAX_LINES}")
    for number, line in enumerate(lines, 1):
        if len(line) < 2 or line[1] != "=":
            raise BadOffer(f"line {number} of the SDP is not of the form x=value")
        if (wrong := _FORBIDDEN.search(line)) is not None:
            raise BadOffer(f"line {number} of the SDP has the character {wrong[0]!a}")
        if len(line.encode()) > MAX_LINE_BYTES:
            raise BadOffer(f"line {number} of the SDP is over {MAX_LINE_BYTES} bytes")
    if lines[0] != "v=0":
        raise BadOffer(f"line 1 of the SDP is not v=0 but {lines[0][:100]!r}")
    starts = [i for i, line in enumerate(lines) if line.startswith("m=")]
    if len(starts) > MAX_SECTIONS:
        raise BadOffer(f"the SDP has {len(starts)} m-sections", remedy=f"stay under {MAX_SECTIONS}")
    bounds = pairwise([*starts, len(lines)])
    sections = tuple(_section(tuple(lines[a:b]), a + 1) for a, b in bounds)
    return Description(tuple(lines[: starts[0] if starts else len(lines)]), sections)


def _section(lines: tuple[str, ...], number: int) -> Section:
    parts = lines[0][2:].split()
    if len(parts) < 4 or not parts[1].split("/")[0].isdecimal():
        raise BadOffer(f"line {number} of the SDP is not an m= line")
    return Section(parts[0], lines, number)


def check_offer(text: str, request_data: Any = None) -> Offer:
    """Check that a call can be made from an offer, and recognise who made it.

    Args:
        text: the SDP.
        request_data: the request's `request_data`; one with `device` in it is from a device.

    Raises:
        BadOffer, NoAudio: says what is missing and what to do.
    """
    offer = parse(text)
    media = [s for s in offer.sections if s.kind in {"audio", "video"} and not s.rejected]
    audio = next((s for s in media if s.kind == "audio"), None)
    if audio is None:
        raise NoAudio("the offer has no audio section", remedy="add an audio transceiver before the offer")
    if audio.opus is None:
        raise NoAudio(f"the offer's {_where(audio)} has no Opus", remedy="offer opus/48000/2")
    if media[0] is not audio:
        raise BadOffer(
            f"{_where(media[0])} stands before the offer's {_where(audio)}", remedy="add audio before video"
        )
    _check_names(offer)
    for section in (s for n, s in enumerate(offer.sections) if n not in offer.refused):
        _check_forms(section)
        if section in media and not any(line == "a=rtcp-mux" for line in (*section.lines, *offer.head)):
            raise BadOffer(
                f"the offer's {_where(section)} has no a=rtcp-mux", remedy="multiplex RTCP (RFC 8834)"
            )
    _check_transport(offer, audio)
    return Offer(text, recognise(offer, request_data), offer.candidates)


def _check_names(offer: Description) -> None:
    seen: dict[str, Section] = {}
    for section in offer.sections:
        if section.mid is not None and seen.setdefault(section.mid, section) is not section:
            both = f"{_where(seen[section.mid])} and its {_where(section)}"
            raise BadOffer(f"the offer's {both} have the same a=mid:{section.mid[:100]}")


def _check_transport(offer: Description, section: Section) -> None:
    _check_forms(Section("session", offer.head, 1))
    for name in _TRANSPORT:
        if offer.attribute(section, name) is None:
            raise BadOffer(f"the offer's {_where(section)} has no a={name}")


def _check_forms(section: Section) -> None:
    for number, line in enumerate(section.lines, section.line):
        name, _, value = line.removeprefix("a=").partition(":")
        form = _FORMS.get(name) if line.startswith("a=") else None
        if form is not None and not form.fullmatch(value):
            raise BadOffer(f"line {number} of the SDP has {line[:100]!r}")


def _where(section: Section) -> str:
    return f"m={section.kind} section (line {section.line})"


def recognise(offer: Description, request_data: Any = None) -> Client:
    """Tell a browser, or another full stack, from a small device.

    Who negotiates RTP header extensions can parse them, and everything else a full answer holds; the small
    clients assume a 12-byte RTP header, so none of them offers any.
    """
    if isinstance(request_data, dict) and "device" in request_data:
        return Client.DEVICE
    full = any(True for s in offer.sections for _ in s.values("extmap"))
    return Client.BROWSER if full else Client.DEVICE


def has_video(offer: str) -> bool:
    """Whether an offer has a section of video that it does not reject itself."""
    return any(section.kind == "video" and not section.rejected for section in parse(offer).sections)


def without_zones(text: str) -> str:
    """A description or candidate without the zones of link-local addresses: they are its own (RFC 4007, 11)."""
    return _ZONE.sub(r"\1", text)


def same_address(a: str, b: str) -> bool:
    """Whether two texts name one IP address; a host name names none."""
    try:
        return ipaddress.ip_address(a) == ipaddress.ip_address(b)
    except ValueError:
        return False


def device_answer(
    answer: str, address: str, *, bitrate: int, dtx: bool = False, offer: str | None = None
) -> str:
    """Shape an answer of aiortc's for a small device.

    Args:
        answer: the SDP that aiortc made.
        address: the local address that this device reaches us by.
        bitrate: Opus bits per second each way.
        dtx: whether silence need not be sent, either way.
        offer: what it answers; aiortc accepts the sections that an offer rejects (RFC 3264, section 6 forbids it).

    Raises:
        NoRoute: aiortc gathered no UDP host candidate on `address`.
    """
    description = parse(without_zones(answer))
    candidates = [
        (value, parsed)
        for section in description.sections
        for value in section.values("candidate")
        if (parsed := parse_candidate(value)) is not None
        and (parsed.transport, parsed.type) == ("udp", "host")
        and same_address(parsed.address, address.partition("%")[0])
    ]
    if not candidates:
        raise NoRoute(f"no UDP candidate on {address}", remedy="check that the address is still up")
    value, candidate = candidates[0]
    offered = parse(offer) if offer is not None else Description((), ())
    rejected = offered.refused
    lines = [line for line in description.head if not line.startswith(("a=msid-semantic", "a=group:BUNDLE"))]
    taken = [index for index in range(len(description.sections)) if index not in rejected]
    if mids := [mid for index in taken for mid in description.sections[index].values("mid")]:
        lines.append(f"a=group:BUNDLE {' '.join(mids)}")
    for index, section in enumerate(description.sections):
        if index in rejected:
            lines += rejection(offered.sections[index])
            continue
        lines += _device_section(section, candidate, bitrate, dtx=dtx)
        if index == taken[0]:  # with BUNDLE the first section's transport is everyone's (RFC 8843, 7.1)
            lines += [f"a=candidate:{value}", "a=end-of-candidates"]
    return "\r\n".join(lines) + "\r\n"


_UNUSED = (
    "a=extmap",
    "a=rtcp-fb:",
    "a=candidate:",
    "a=end-of-candidates",
    "a=ssrc-group:",
    "a=ptime:",
    "c=",
    "a=msid:",
)


def rejection(offered: Section) -> Iterator[str]:
    """What answers a section that the offer rejects (RFC 3264, section 6)."""
    kind, _, *rest = offered.lines[0].split()
    yield " ".join([kind, "0", *rest])
    yield "c=IN IP4 0.0.0.0"
    yield from (line for line in offered.lines if line.startswith("a=mid:"))
    yield "a=inactive"


def _device_section(section: Section, candidate: Candidate, bitrate: int, *, dtx: bool) -> Iterator[str]:
    version = 6 if ":" in candidate.address else 4
    parts = section.lines[0].split()
    if not section.rejected:
        parts[1] = str(candidate.port)
    opus = section.opus if section.kind == "audio" else None
    red = section.red if section.kind == "audio" else None
    if opus is not None:
        parts[3:] = [opus] if red is None else [opus, red]
    yield " ".join(parts)
    yield f"c=IN IP{version} {candidate.address}"
    for line in section.lines[1:]:
        if line.startswith(_UNUSED) or _is_other_payload(line, opus, red):
            continue
        if line.startswith("a=fingerprint:"):
            if line.lower().startswith("a=fingerprint:sha-256 "):
                yield "a=fingerprint:sha-256 " + line.split(" ", 1)[1].upper()
            continue
        yield line
        if opus is not None and _OPUS.match(line):
            yield opus_fmtp(opus, bitrate, dtx=dtx)
            yield "a=ptime:20"


def _is_other_payload(line: str, opus: str | None, red: str | None) -> bool:
    if opus is None:
        return False
    if line.startswith(f"a=fmtp:{opus} "):
        return True  # ours takes its place
    kept = (f"a=rtpmap:{opus} ", f"a=rtpmap:{red} ", f"a=fmtp:{red} ")
    return line.startswith(("a=rtpmap:", "a=fmtp:")) and not line.startswith(kept)


def opus_fmtp(payload_type: str, bitrate: int, *, dtx: bool = False) -> str:
    """The Opus parameters of 16 kHz mono voice with in-band FEC (RFC 7587, section 6.1)."""
    return (
        f"a=fmtp:{payload_type} minptime=20;useinbandfec=1;stereo=0;sprop-stereo=0;"
        f"maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate={bitrate}"
    ) + (";usedtx=1" if dtx else "")


def offered_red(offer: str) -> int | None:
    """Under which payload type the section that carries Opus has redundancy of it (RED, RFC 2198), if it has."""
    section = next((s for s in parse(offer).sections if s.kind == "audio" and s.opus is not None), None)
    return int(section.red) if section is not None and section.red is not None else None


def prefers_dtx(offer: str) -> bool:
    """Whether whoever offers would rather be sent nothing than silence (RFC 7587, section 6.1: `usedtx`)."""
    for section in parse(offer).sections:
        if (opus := section.opus) is not None:
            parameters = [v.partition(" ")[2] for v in section.values("fmtp") if v.startswith(f"{opus} ")]
            return any(p.strip().lower() == "usedtx=1" for value in parameters for p in value.split(";"))
    return False
