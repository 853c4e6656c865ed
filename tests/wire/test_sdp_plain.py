"""Offers as the standards allow them, and what is said of those that they don't allow."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadOffer
from gateway.media.ears import Ears
from gateway.media.here import BotsHere
from gateway.media.session import Session
from gateway.settings import Settings
from gateway.wire import sdp, sdp_plain
from gateway.wire.calls import OfferCall
from tests.support.offers import BROWSERS, DEVICES, captured, made, replaced, without

CANDIDATE = "1 1 udp 2113937151 127.0.0.1 50001 typ host"
REJECTED_VIDEO = "m=video 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=inactive\r\n"


def at_session_level(line: str, offer: str) -> str:
    """An offer with a line of its sections said once, for the session."""
    return replaced(offer.replace(f"{line}\r\n", ""), "t=0 0\r\n", f"t=0 0\r\n{line}\r\n")


def before_audio(section: str, offer: str) -> str:
    return replaced(offer, "m=audio", f"{section}m=audio")


def between(section: str, offer: str) -> str:
    return replaced(offer, "m=application", f"{section}m=application")


def parted() -> str:
    """Candidates in one section, and their end in the other."""
    return replaced(made(candidates=[CANDIDATE]), "m=application", "m=application").replace(
        "a=mid:0\r\n", "a=mid:0\r\na=end-of-candidates\r\n"
    )


ALLOWED = {
    "no direction": without(made(), "a=sendrecv"),
    "direction of the session": at_session_level("a=sendrecv", made()),
    "rtcp-mux of the session": at_session_level("a=rtcp-mux", made()),
    "rtcp-mux with a blank": replaced(made(), "a=rtcp-mux", "a=rtcp-mux "),
    "transport of the session": made(session_level=True),
    "rejected before audio": before_audio(REJECTED_VIDEO, made()),
    "rejected after audio": between(REJECTED_VIDEO, made()),
    "rejected without a mid": between(REJECTED_VIDEO.replace("a=mid:v\r\n", ""), made()),
    "rejected audio before audio": before_audio(REJECTED_VIDEO.replace("video", "audio"), made()),
    "rejected data": made().replace("m=application 9", "m=application 0"),
    "bundle-only without a transport": made(video=True)
    .replace("m=video 9", "m=video 0")
    .replace("a=rtpmap:96", "a=bundle-only\r\na=rtpmap:96"),
    "end before candidates": parted(),
    "a candidate that is none": made(candidates=["nonsense", CANDIDATE, "1 x udp 1 127.0.0.1 9 typ host"]),
    "end of the session": replaced(made(), "t=0 0\r\n", "t=0 0\r\na=end-of-candidates\r\n"),
    "blanks and tabs at line ends": made().replace("\r\n", " \t\r\n"),
    "letters of all kinds": replaced(made(), "s=-", "s=K\u00fcche\u00a0\U0001f468\u200d\U0001f469"),
    "a number of ports": replaced(made(), "m=audio 9", "m=audio 9/1"),
    "attributes of an extension": replaced(
        made(),
        "a=rtcp-mux",
        "a=extmap:1/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\r\na=rtcp-mux",
    ),
    "a source without a value": replaced(
        made(), "a=rtcp-mux", "a=ssrc:1 cname:x y\r\na=ssrc:1 foo\r\na=rtcp-mux"
    ),
    "data as drafts had it": replaced(
        replaced(made(), "UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000"),
        "a=sctp-port:5000",
        "a=sctpmap:5000 webrtc-datachannel 1024",
    ),
}


async def answer(offer: str, client: sdp.Client) -> str:
    """What is answered, by the media's own session."""
    sdp.check_offer(offer)
    call = OfferCall(
        session_id="s1", sdp=offer, type="offer", client=client, device=None, bot="echo",
        address="127.0.0.1", remote="127.0.0.1",
    )  # fmt: skip
    session = Session(call, Settings(), lambda _: None, BotsHere(Settings()), Ears(Settings()))
    try:
        return (await session.start()).sdp
    finally:
        await session.close("stopping")


@pytest.mark.parametrize("client", sdp.Client)
@pytest.mark.parametrize("offer", [pytest.param(o, id=name) for name, o in ALLOWED.items()])
async def test_what_the_standards_allow_is_answered(offer: str, client: sdp.Client) -> None:
    asked, found = sdp.parse(offer), sdp.parse(await answer(offer, client))
    assert [s.kind for s in found.sections] == [s.kind for s in asked.sections]
    assert [s.rejected for s in found.sections] == [s.rejected for s in asked.sections]
    out = {mid for s in asked.sections if s.rejected for mid in s.values("mid")}
    [group] = [line.split()[1:] for line in found.head if line.startswith("a=group:BUNDLE")]
    assert group == [m for s in found.sections for m in s.values("mid") if m not in out]


UNKNOWN = {
    "text": "m=text 9 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\na=mid:t\r\n",
    "messages": "m=message 9 TCP/MSRP *\r\na=path:msrp://127.0.0.1:9/x;tcp\r\n",
    "fax": "m=image 9 udptl t38\r\n",
    "floor control": "m=application 9 UDP/BFCP *\r\na=mid:f\r\na=floorctrl:c-only\r\n",
    "more data": "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\n",
}


@pytest.mark.parametrize("client", sdp.Client)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("section", [pytest.param(s, id=name) for name, s in UNKNOWN.items()])
async def test_what_no_call_has_is_rejected_and_costs_nothing_else(
    section: str, first: bool, client: sdp.Client
) -> None:
    offer = before_audio(section, made()) if first and "SCTP" not in section else made() + section
    asked, found = sdp.parse(offer), sdp.parse(await answer(offer, client))
    assert [s.lines[0].split()[0] for s in found.sections] == [s.lines[0].split()[0] for s in asked.sections]
    taken = [s.kind for s in found.sections if not s.rejected]
    assert taken == ["audio", "application"]
    [group] = [line.split()[1:] for line in found.head if line.startswith("a=group:BUNDLE")]
    assert group == ["0", "1"]


@pytest.mark.parametrize(
    ("offer", "says"),
    [
        (without(made(data=False), "a=setup"), r"m=audio section \(line 6\) has no a=setup"),
        (replaced(made(data=False), "setup:actpass", "setup:both"), r"line 11 of the SDP has 'a=setup:both'"),
        (
            replaced(made(data=False), "sha-256 AB", "sha-256:AB"),
            r"line 10 of the SDP has 'a=fingerprint:sha-256:AB",
        ),
        (
            replaced(made(), "a=mid:1", "a=mid:0"),
            r"m=audio section \(line 6\) and its m=application section \(line 16\) have the same a=mid:0",
        ),
        (without(made(), "a=rtcp-mux"), r"m=audio section \(line 6\) has no a=rtcp-mux"),
        (
            before_audio(REJECTED_VIDEO.replace("video 0", "video 9"), made()),
            r"m=video section \(line 6\) stands before the offer's m=audio section \(line 10\)",
        ),
        (replaced(made(), "a=rtpmap:111 opus/48000/2", "a=rtpmap:111 x"), "Opus"),
        (replaced(made(), "sctp-port:5000", "sctp-port:x"), r"its line 23 'a=sctp-port:x'"),
        (replaced(made(), "a=rtcp-mux", "a=rtcp-mux\r\na=ssrc:x y"), r"its line 15 'a=ssrc:x y'"),
        (replaced(made(), "a=rtcp-mux", "a=rtcp-mux\r\na=extmap:1"), r"its line 15 'a=extmap:1'"),
    ],
)
async def test_what_is_refused_is_named(offer: str, says: str) -> None:
    with pytest.raises(BadOffer, match=says):
        await answer(offer, sdp.Client.DEVICE)


@given(
    st.sampled_from([captured(name) for name in (*BROWSERS, *DEVICES)]),
    st.lists(st.integers(0, 60), max_size=4),
    st.text(max_size=20),
)
def test_nothing_but_a_bad_offer_is_raised(offer: str, lines: list[int], text: str) -> None:
    kept = [line for n, line in enumerate(offer.split("\r\n")) if n not in lines]
    with contextlib.suppress(BadOffer):
        sdp_plain.refused(offer, sdp_plain.spelt_out("\r\n".join([*kept, text])))
