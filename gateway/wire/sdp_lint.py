"""Lint an offer or an answer against the limits of small clients, pure; `voicegw doctor sdp` prints what it finds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.wire.sdp import Description, parse, parse_candidate

DEVICE_LINE_BYTES = 255
DEVICE_CANDIDATES = 9
_SHA256 = re.compile(r"^a=fingerprint:sha-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}$")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line (1-based; 0 for the whole) that breaks a limit of a client."""

    line: int
    text: str
    rule: str
    limit: str


def lint(text: str, *, answer: bool | None = None) -> list[Finding]:
    """Check an offer or an answer against what small clients take.

    Args:
        text: the SDP.
        answer: whether it is one; by default it is where a section says `a=setup:active`, as ours all do. (The
            small clients offer `passive`, which an answer may say too.)

    Raises:
        BadOffer: not SDP at all.
    """
    description = parse(text)
    if answer is None:
        answer = any(v == "active" for s in description.sections for v in s.values("setup"))
    findings = [*_lint_common(text, description)]
    findings += _lint_answer(text, description) if answer else _lint_offer(text, description)
    return sorted(findings, key=lambda f: f.line)


def _numbered(text: str) -> list[tuple[int, str]]:
    return list(enumerate(text.replace("\r\n", "\n").rstrip("\n").split("\n"), 1))


def _lint_common(text: str, description: Description) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), 1):
        if line and not line.endswith("\r"):
            yield Finding(number, line, "crlf", "every line ends in CRLF (RFC 8866, section 5)")
            break
    for number, line in _numbered(text):
        if len(line.encode()) > DEVICE_LINE_BYTES:
            yield Finding(number, line, "line-length", f"libpeer reads {DEVICE_LINE_BYTES} bytes of a line")
    candidates = [(n, line) for n, line in _numbered(text) if line.startswith("a=candidate:")]
    if len(candidates) > DEVICE_CANDIDATES:
        number, line = candidates[DEVICE_CANDIDATES]
        yield Finding(number, line, "candidates", "libpeer holds 9 candidates; a tenth corrupts its memory")
    if not any(s.kind == "audio" and s.opus for s in description.sections):
        yield Finding(0, "", "opus", "a call needs an audio section with opus/48000/2")


def _lint_offer(text: str, description: Description) -> Iterator[Finding]:
    audio = next((s for s in description.sections if s.kind == "audio"), None)
    if audio is None:
        return
    for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "rtcp-mux"):
        if description.attribute(audio, name) is None and f"a={name}" not in audio.lines:
            yield Finding(0, "", name, f"an offer needs a={name}")
    media = [s.kind for s in description.sections if s.kind in {"audio", "video"}]
    if media[0] != "audio":
        yield Finding(0, "", "order", "Pipecat takes the first media section as the microphone")
    if len(description.sections) > 1 and not any(x.startswith("a=group:BUNDLE") for x in description.head):
        number = next(n for n, line in _numbered(text) if line.startswith("m="))
        yield Finding(number, description.sections[0].lines[0], "bundle", "all sections share one transport")


def _lint_answer(text: str, description: Description) -> Iterator[Finding]:
    yield from _lint_answer_lines(text)
    count = len(description.candidates)
    if count == 0:
        yield Finding(0, "", "no-candidate", "with no candidate a device waits for ever")
    credentials = {
        (description.attribute(s, "ice-ufrag"), description.attribute(s, "ice-pwd"))
        for s in description.sections
        if not s.rejected
    }
    if len(credentials) > 1:
        yield Finding(0, "", "credentials", "libpeer keeps one ufrag and password for all sections")
    for section in description.sections:
        if section.kind == "audio" and not any(section.values("ssrc")):
            yield Finding(0, section.lines[0], "ssrc", "without a=ssrc libpeer drops the audio silently")
        if section.kind == "audio" and not any("useinbandfec=1" in v for v in section.values("fmtp")):
            yield Finding(0, section.lines[0], "fec", "Opus with useinbandfec=1 survives Wi-Fi loss")


def _lint_answer_lines(text: str) -> Iterator[Finding]:
    seen = 0
    for number, line in _numbered(text):
        if line.startswith("a=fingerprint:") and not _SHA256.match(line):
            yield Finding(number, line, "fingerprint", "libpeer reads one upper-case sha-256, the last")
        elif line.startswith("a=setup:") and line != "a=setup:active":
            yield Finding(number, line, "setup", "libpeer is always the DTLS server: we must be active")
        elif line.startswith("a=extmap"):
            yield Finding(number, line, "extmap", "libpeer assumes an RTP header of 12 bytes")
        elif line.startswith("a=candidate:"):
            seen += 1
            yield from _lint_candidate(number, line, seen)


def _lint_candidate(number: int, line: str, seen: int) -> Iterator[Finding]:
    candidate = parse_candidate(line.removeprefix("a=candidate:"))
    usable = candidate is not None and (candidate.transport, candidate.type) == ("udp", "host")
    if not usable or candidate is None or ":" in candidate.address:
        yield Finding(number, line, "candidate-kind", "libpeer takes UDP host candidates on IPv4 only")
    if seen > 1:
        yield Finding(number, line, "candidate-count", "each wrong candidate costs libpeer 10 to 16 s")
