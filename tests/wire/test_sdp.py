from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BadOffer, NoAudio, NoRoute
from gateway.wire import sdp
from gateway.wire.sdp import Client
from gateway.wire.sdp_lint import lint
from tests.support.offers import BROWSERS, DEVICES, WITHOUT_OPUS, captured, made, replaced, without

ANY_TEXT = st.text(st.characters(), max_size=400)
"""Lone surrogates too: JSON can carry them."""
LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "v=0",
                "m=audio 9 UDP/TLS/RTP/SAVPF 111",
                "m=audio 0 UDP/TLS/RTP/SAVPF 111",
                "m=video 9 UDP/TLS/RTP/SAVPF 96",
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
                "a=rtpmap:111 opus/48000/2",
                "a=ice-ufrag:abcd",
                "a=ice-pwd:efgh",
                "a=fingerprint:sha-256 00",
                "a=setup:active",
                "a=setup:actpass",
                "a=rtcp-mux",
                "a=candidate:1 1 udp 1 127.0.0.1 9 typ host",
                "a=extmap:1 urn:x",
                "c=IN IP4 0.0.0.0",
            ]
        ),
        ANY_TEXT,
        ANY_TEXT.map(lambda text: "a=" + text),
        ANY_TEXT.map(lambda text: "m=" + text),
        ANY_TEXT.map(lambda text: "a=candidate:" + text),
    ),
    max_size=25,
).map("\r\n".join)
SDP_LIKE = st.one_of(ANY_TEXT, LINES, LINES.map(lambda text: "v=0\r\n" + text))

# -- parse


@pytest.mark.parametrize("name", [*BROWSERS, *DEVICES, *WITHOUT_OPUS])
def test_parse_loses_no_line_of_a_captured_offer(name: str) -> None:
    text = captured(name)
    description = sdp.parse(text)
    lines = [*description.head, *(line for s in description.sections for line in s.lines)]
    assert lines == text.rstrip("\r\n").split("\r\n")


def test_parse_takes_bare_newlines() -> None:
    assert sdp.parse(captured("libpeer").replace("\r\n", "\n")) == sdp.parse(captured("libpeer"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1"),
        ("o=- 1 1 IN IP4 0.0.0.0", "v=0"),
        ("v=0\r\nnonsense", "line 2"),
        ("v=0\r\n\r\ns=-", "line 2"),
        ("v=0\r\na=x\x00y", "line 2"),
        ("v=0\r\na=\ud800", "line 2"),
        ("v=0\r\na=" + "x" * 2_048, "line 2"),
        ("v=0\r\na=" + "\N{EURO SIGN}" * 700, "line 2"),
        ("v=0\r\n" + "a=x\r\n" * 10_000, "10001 lines"),
        ("v=0\r\nm=audio", "line 2"),
        ("v=0\r\nm=audio x UDP 1", "line 2"),
        ("v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 9, "9 m-sections"),
    ],
)
def test_parse_says_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(BadOffer, match=reason):
        sdp.parse(text)


@given(SDP_LIKE)
def test_parse_raises_nothing_but_bad_offer(text: str) -> None:
    with contextlib.suppress(BadOffer):
        sdp.parse(text)


# -- candidates


def test_a_candidate_is_read() -> None:
    found = sdp.parse_candidate(
        "842163049 1 UDP 1677729535 192.168.1.20 50000 typ srflx raddr 0.0.0.0 rport 0"
    )
    assert found == sdp.Candidate("udp", "192.168.1.20", 50_000, "srflx")


@pytest.mark.parametrize(
    "value",
    ["", "1 1 udp 1 host", "1 1 udp 1 127.0.0.1 x typ host", "1 1 udp 1 127.0.0.1 65536 typ host",
     "1 1 udp 1 127.0.0.1 9 kind host"],
)  # fmt: skip
def test_what_is_no_candidate_is_none(value: str) -> None:
    assert sdp.parse_candidate(value) is None


@given(st.one_of(ANY_TEXT, st.integers().map(lambda n: f"1 1 udp 1 127.0.0.1 {n} typ host")))
def test_parse_candidate_never_raises(value: str) -> None:
    found = sdp.parse_candidate(value)
    assert found is None or 0 <= found.port <= 65_535


def test_a_port_of_thousands_of_digits_is_no_candidate() -> None:
    assert sdp.parse_candidate("1 1 udp 1 127.0.0.1 " + "9" * 5_000 + " typ host") is None


# -- check_offer


@pytest.mark.parametrize("name", [*BROWSERS, *DEVICES])
def test_a_captured_offer_is_accepted(name: str) -> None:
    assert sdp.check_offer(captured(name)).text == captured(name)


@pytest.mark.parametrize("name", BROWSERS)
def test_a_full_stack_is_recognised(name: str) -> None:
    assert sdp.check_offer(captured(name)).client is Client.BROWSER


@pytest.mark.parametrize("name", DEVICES)
def test_a_small_device_is_recognised(name: str) -> None:
    assert sdp.check_offer(captured(name)).client is Client.DEVICE


@pytest.mark.parametrize("name", BROWSERS)
def test_what_calls_itself_a_device_is_one(name: str) -> None:
    assert sdp.check_offer(captured(name), {"device": {}}).client is Client.DEVICE


@pytest.mark.parametrize("request_data", [None, {}, {"x": 1}, [], "device", 7])
def test_other_request_data_makes_no_device(request_data: object) -> None:
    assert sdp.check_offer(captured("chromium"), request_data).client is Client.BROWSER


@pytest.mark.parametrize("name", WITHOUT_OPUS)
def test_an_offer_without_opus_is_refused(name: str) -> None:
    with pytest.raises(NoAudio, match="Opus"):
        sdp.check_offer(captured(name))


def test_opus_that_the_section_does_not_list_is_refused() -> None:
    with pytest.raises(NoAudio):
        sdp.check_offer(replaced(captured("libpeer"), "SAVP 111", "SAVP 8"))


def test_an_offer_of_data_only_is_refused() -> None:
    text = captured("libpeer")
    with pytest.raises(NoAudio, match="no audio section"):
        sdp.check_offer(text[: text.index("m=audio")] + text[text.index("m=application") :])


def test_a_rejected_audio_section_is_none() -> None:
    with pytest.raises(NoAudio):
        sdp.check_offer(replaced(captured("libpeer"), "m=audio 9", "m=audio 0"))


def test_a_bundled_section_may_have_port_0() -> None:
    text = replaced(captured("libpeer"), "m=audio 9", "m=audio 0")
    assert sdp.check_offer(replaced(text, "a=mid:audio", "a=mid:audio\r\na=bundle-only"))


def test_video_before_audio_is_refused() -> None:
    text = made(data=False)
    video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:9\r\na=rtpmap:96 VP8/90000\r\n"
    with pytest.raises(BadOffer, match="stands before the offer"):
        sdp.check_offer(text[: text.index("m=audio")] + video + text[text.index("m=audio") :])


@pytest.mark.parametrize("name", ["ice-ufrag", "ice-pwd", "fingerprint", "rtcp-mux"])
def test_what_a_call_cannot_do_without_is_named(name: str) -> None:
    with pytest.raises(BadOffer, match=name):
        sdp.check_offer(without(captured("libpeer"), f"a={name}"))


def test_opus_is_found_in_any_case() -> None:
    assert sdp.check_offer(replaced(captured("libpeer"), "opus/48000/2", "OPUS/48000/2"))


@given(SDP_LIKE, st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_check_offer_raises_nothing_but_bad_offer(text: str, request_data: object) -> None:
    with contextlib.suppress(BadOffer):
        sdp.check_offer(text, request_data)


@given(st.data())
def test_check_offer_survives_damage_to_a_real_offer(data: st.DataObject) -> None:
    text = captured(data.draw(st.sampled_from([*BROWSERS, *DEVICES])))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 80)))
    damaged = text[:start] + data.draw(ANY_TEXT) + text[end:]
    with contextlib.suppress(BadOffer):
        sdp.check_offer(damaged)


# -- addresses


@pytest.mark.parametrize(
    ("a", "b"), [("127.0.0.1", "127.0.0.1"), ("fd00::1", "FD00:0:0::1"), ("::1", "0:0:0:0:0:0:0:1")]
)
def test_one_address_is_the_same_however_it_is_written(a: str, b: str) -> None:
    assert sdp.same_address(a, b)


@pytest.mark.parametrize(
    ("a", "b"), [("10.0.0.1", "10.0.0.10"), ("10.0.0.1", "10a0b0c1"), ("x.local", "x.local"), ("", "")]
)
def test_addresses_are_no_patterns_and_names_are_no_addresses(a: str, b: str) -> None:
    assert not sdp.same_address(a, b)


@given(ANY_TEXT, ANY_TEXT)
def test_same_address_never_raises(a: str, b: str) -> None:
    sdp.same_address(a, b)


# -- device_answer, from answers as aiortc makes them

ANSWER = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic:WMS *\r\n"
    "m=audio 40000 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 10.0.0.1\r\na=sendrecv\r\n"
    "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=mid:0\r\na=msid:stream track\r\n"
    "a=rtcp:9 IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=ssrc:123 cname:abc\r\na=rtpmap:111 opus/48000/2\r\n"
    "a=rtcp-fb:111 nack\r\na=fmtp:111 stereo=1\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=candidate:1 1 udp 2130706431 10.0.0.1 40000 typ host\r\n"
    "a=candidate:2 1 udp 2130706431 10.0.0.10 40001 typ host\r\n"
    "a=candidate:3 1 udp 1694498815 10.0.0.1 40002 typ srflx raddr 10.0.0.1 rport 40000\r\n"
    "a=candidate:4 1 tcp 2130706431 10.0.0.1 9 typ host tcptype active\r\n"
    "a=candidate:5 1 udp 2130706431 fd00::1 40003 typ host\r\na=end-of-candidates\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    "a=fingerprint:sha-256 " + ":".join(["ab"] * 32) + "\r\n"
    "a=fingerprint:sha-384 " + ":".join(["ab"] * 48) + "\r\n"
    "a=fingerprint:sha-512 " + ":".join(["ab"] * 64) + "\r\na=setup:active\r\n"
    "m=application 40000 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 10.0.0.1\r\na=mid:1\r\n"
    "a=sctp-port:5000\r\na=max-message-size:65536\r\na=candidate:1 1 udp 2130706431 10.0.0.1 40000 typ host\r\n"
    "a=end-of-candidates\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    "a=fingerprint:sha-256 " + ":".join(["ab"] * 32) + "\r\na=setup:active\r\n"
)


def shaped(address: str = "10.0.0.1", answer: str = ANSWER) -> str:
    return sdp.device_answer(answer, address, bitrate=24_000)


def test_an_answer_for_a_device_lints_clean() -> None:
    assert lint(shaped()) == []


def test_the_stock_answer_does_not() -> None:
    rules = {finding.rule for finding in lint(ANSWER)}
    assert {"fingerprint", "extmap", "candidate-kind", "candidate-count", "fec"} <= rules


def test_a_device_is_given_the_one_candidate_that_routes_to_it() -> None:
    [candidate] = sdp.parse(shaped("10.0.0.10")).candidates
    assert candidate == sdp.Candidate("udp", "10.0.0.10", 40_001, "host")


def test_the_address_is_no_pattern() -> None:
    with pytest.raises(NoRoute):
        shaped("10.0.0.100")


def test_an_answer_is_never_without_a_candidate() -> None:
    with pytest.raises(NoRoute):
        shaped(answer=without(ANSWER, "a=candidate"))


def test_only_the_sha_256_fingerprint_is_left_in_upper_case() -> None:
    lines = [line for line in shaped().split("\r\n") if line.startswith("a=fingerprint")]
    assert lines == ["a=fingerprint:sha-256 " + ":".join(["AB"] * 32)] * 2


def test_only_opus_is_left_with_the_parameters_of_a_voice() -> None:
    text = shaped()
    assert "m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\n" in text
    assert "PCMU" not in text
    assert "stereo=1" not in text
    assert (
        "a=fmtp:111 minptime=20;useinbandfec=1;stereo=0;sprop-stereo=0;maxplaybackrate=16000;"
        "sprop-maxcapturerate=16000;maxaveragebitrate=24000\r\na=ptime:20\r\n" in text
    )


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ("minptime=20;usedtx=1", True),
        ("usedtx=1; minptime=20", True),
        ("usedtx=0", False),
        ("minptime=20", False),
    ],
)
def test_who_prefers_nothing_to_silence_says_so(parameters: str, wanted: bool) -> None:
    assert sdp.prefers_dtx(ANSWER.replace("stereo=1", parameters)) is wanted


def test_and_is_told_so() -> None:
    assert ";usedtx=1\r\n" in sdp.device_answer(ANSWER, "10.0.0.1", bitrate=24_000, dtx=True)
    assert "usedtx" not in sdp.device_answer(ANSWER, "10.0.0.1", bitrate=24_000)


RED = ANSWER.replace("111 0\r\n", "111 0 63\r\n").replace(
    "a=rtpmap:0 PCMU/8000\r\n", "a=rtpmap:0 PCMU/8000\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"
)


def test_redundancy_of_opus_is_answered_behind_it() -> None:
    text = shaped(answer=RED)
    assert "m=audio 40000 UDP/TLS/RTP/SAVPF 111 63\r\n" in text
    assert "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in text
    assert lint(text) == []


@pytest.mark.parametrize(
    ("old", "new", "red"),
    [
        ("", "", 63),
        ("63 111/111", "63 111/111/111", 63),
        ("63 111/111", "63 111", None),
        ("63 111/111", "63 111/0", None),
        ("a=fmtp:63 111/111\r\n", "", None),
        ("red/48000/2", "red/8000", None),
        ("111 0 63", "111 0", None),
    ],
)
def test_only_redundancy_of_opus_counts_as_offered(old: str, new: str, red: int | None) -> None:
    assert sdp.offered_red(RED.replace(old, new)) == red


@pytest.mark.parametrize(
    ("name", "red"), [("chromium", 63), ("chromium_mic", 63), ("firefox", None), ("libpeer", None)]
)
def test_who_offers_redundancy(name: str, red: int | None) -> None:
    assert sdp.offered_red(captured(name)) == red


def test_what_a_device_needs_is_kept() -> None:
    for line in ("a=ssrc:123 cname:abc", "a=setup:active", "a=mid:1", "a=sctp-port:5000", "a=rtcp-mux"):
        assert f"\r\n{line}\r\n" in shaped()


def test_shaping_twice_changes_nothing() -> None:
    once = shaped()
    again = sdp.device_answer(once, "10.0.0.1", bitrate=24_000)
    assert lint(again) == []
    assert sdp.parse(again).candidates == sdp.parse(once).candidates
    assert again.count("a=ptime") == 1


ADDRESSES = st.ip_addresses(v=4).map(str)


@given(
    addresses=st.lists(ADDRESSES, min_size=1, max_size=5, unique=True),
    payload_type=st.integers(96, 127),
    extensions=st.lists(st.sampled_from(["urn:a", "urn:b"]), max_size=3),
    more_codecs=st.lists(st.sampled_from(["PCMU/8000", "G722/8000", "opus/48000/2"]), max_size=3),
    bitrate=st.integers(6_000, 64_000),
)
def test_whatever_aiortc_answers_the_device_gets_a_clean_one(
    addresses: list[str], payload_type: int, extensions: list[str], more_codecs: list[str], bitrate: int
) -> None:
    others = [n for n in range(96, 128) if n != payload_type][: len(more_codecs)]
    audio = [f"m=audio 4 UDP/TLS/RTP/SAVPF {' '.join(map(str, [payload_type, *others]))}", "c=IN IP4 0.0.0.0"]
    audio += [f"a=extmap:{i} {uri}" for i, uri in enumerate(extensions, 1)]
    audio += [f"a=rtpmap:{payload_type} opus/48000/2", f"a=fmtp:{payload_type} stereo=1"]
    audio += [f"a=rtpmap:{n} {name}" for n, name in zip(others, more_codecs, strict=True)]
    audio += [f"a=candidate:{i} 1 udp 1 {a} {i + 1} typ host" for i, a in enumerate(addresses)]
    tail = ANSWER[ANSWER.index("a=ice-ufrag") : ANSWER.index("m=application")]
    head = ANSWER[: ANSWER.index("m=audio")]
    answer = head + "\r\n".join([*audio, "a=ssrc:1 cname:x", "a=mid:0"]) + "\r\n" + tail
    for address in addresses:
        text = sdp.device_answer(answer, address, bitrate=bitrate)
        assert lint(text) == []
        [candidate] = sdp.parse(text).candidates
        assert ipaddress.ip_address(candidate.address) == ipaddress.ip_address(address)
        assert max(len(line.encode()) for line in text.split("\r\n")) <= 255


@given(SDP_LIKE, ADDRESSES)
def test_device_answer_raises_nothing_but_bad_offer(text: str, address: str) -> None:
    with contextlib.suppress(BadOffer):
        sdp.device_answer(text, address, bitrate=24_000)


# -- lint


@pytest.mark.parametrize("name", ["aiortc", *DEVICES])
def test_a_good_offer_lints_clean(name: str) -> None:
    assert lint(captured(name)) == []


def test_a_passive_answer_is_linted_as_one_when_it_is_said_to_be() -> None:
    text = shaped().replace("a=setup:active", "a=setup:passive")
    assert [f.rule for f in lint(text, answer=True)] == ["setup", "setup"]


def test_a_browsers_offer_has_more_candidates_than_libpeer_holds() -> None:
    assert [f.rule for f in lint(captured("chromium"))] == ["candidates"]


Damage = Callable[[str], str]


@pytest.mark.parametrize(
    ("rule", "damage", "line"),
    [
        ("crlf", lambda t: t.replace("\r\n", "\n", 1), "v=0"),
        ("line-length", lambda t: replaced(t, "a=mid:1", "a=mid:1\r\na=x:" + "y" * 252), "a=x:"),
        ("candidates", lambda t: replaced(t, "a=mid:1", "a=mid:1" + "\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host" * 9), "a=candidate:1"),  # noqa: E501
        ("candidate-count", lambda t: replaced(t, "a=mid:1", "a=mid:1\r\na=candidate:2 1 udp 1 10.0.0.1 9 typ host"), "a=candidate:2"),  # noqa: E501
        ("candidate-kind", lambda t: replaced(t, "10.0.0.1 40000 typ host", "10.0.0.1 40000 typ srflx"), "a=candidate:1"),  # noqa: E501
        ("candidate-kind", lambda t: replaced(t, "1 1 udp", "1 1 tcp"), "a=candidate:1"),
        ("candidate-kind", lambda t: replaced(t, "2130706431 10.0.0.1", "2130706431 fd00::1"), "a=candidate:1"),
        ("candidate-kind", lambda t: replaced(t, "1 1 udp 2130706431 10.0.0.1 40000 typ host", "nonsense"), "a=candidate:nonsense"),  # noqa: E501
        ("no-candidate", lambda t: without(t, "a=candidate"), ""),
        ("opus", lambda t: replaced(t, "opus/48000/2", "PCMA/8000"), ""),
        ("fingerprint", lambda t: replaced(t, "sha-256", "sha-512"), "a=fingerprint:sha-512"),
        ("fingerprint", lambda t: replaced(t, "AB:AB", "ab:ab"), "a=fingerprint:sha-256 ab"),
        ("setup", lambda t: t.replace("a=setup:active", "a=setup:holdconn", 1), "a=setup:holdconn"),
        ("extmap", lambda t: replaced(t, "a=mid:0", "a=mid:0\r\na=extmap:1 urn:x"), "a=extmap:1"),
        ("credentials", lambda t: t.replace("a=ice-ufrag:abcd", "a=ice-ufrag:other", 1), ""),
        ("ssrc", lambda t: without(t, "a=ssrc"), "m=audio"),
        ("fec", lambda t: replaced(t, "useinbandfec=1", "useinbandfec=0"), "m=audio"),
    ],
)  # fmt: skip
def test_lint_names_the_rule_and_the_line(rule: str, damage: Damage, line: str) -> None:
    text = damage(shaped())
    findings = [f for f in lint(text) if f.rule == rule]
    assert findings
    assert findings[0].text.startswith(line)
    if findings[0].line:
        assert text.split("\n")[findings[0].line - 1].rstrip("\r") == findings[0].text


@pytest.mark.parametrize(
    ("rule", "damage"),
    [
        ("ice-ufrag", lambda t: without(t, "a=ice-ufrag")),
        ("ice-pwd", lambda t: without(t, "a=ice-pwd")),
        ("fingerprint", lambda t: without(t, "a=fingerprint")),
        ("setup", lambda t: without(t, "a=setup")),
        ("rtcp-mux", lambda t: without(t, "a=rtcp-mux")),
        ("bundle", lambda t: without(t, "a=group:BUNDLE")),
        ("order", lambda t: replaced(t, "m=audio", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nm=audio")),
    ],
)
def test_lint_names_what_an_offer_lacks(rule: str, damage: Damage) -> None:
    assert rule in [finding.rule for finding in lint(damage(captured("libpeer")))]


@given(SDP_LIKE)
@settings(max_examples=200)
def test_lint_raises_nothing_but_bad_offer(text: str) -> None:
    with contextlib.suppress(BadOffer):
        for finding in lint(text):
            assert finding.rule
            assert finding.limit
