"""What bodies of the signalling routes may look like."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.front.routes.offer import PatchBody, StartBody
from gateway.wire.calls import CandidateItem

C = "candidate:1 1 udp 2113937151 127.0.0.1 50001 typ host"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"candidate": C, "sdp_mid": "0", "sdp_mline_index": 0}, (C, "0", 0)),
        ({"candidate": C, "sdpMid": "0", "sdpMLineIndex": 0}, (C, "0", 0)),
        ({"candidate": C, "sdpMid": "1", "usernameFragment": "abcd", "x": 1}, (C, "1", None)),
        ({"candidate": C}, (C, None, None)),
        ({"candidate": None, "sdpMid": "0"}, ("", "0", None)),
    ],
)
def test_a_candidate_may_be_written_as_browsers_write_it(
    given: dict[str, Any], taken: tuple[str, str | None, int | None]
) -> None:
    [item] = PatchBody.model_validate({"pcId": "p", "candidates": [given]}).items()
    text, mid, index = taken
    assert item == CandidateItem(candidate=text, sdp_mid=mid, sdp_mline_index=index)


def test_a_candidate_of_another_kind_is_named() -> None:
    with pytest.raises(ValidationError, match="candidates"):
        PatchBody.model_validate({"pc_id": "p", "candidates": ["x"]})


@pytest.mark.parametrize("body", [None, "a text", ["a", 1], {"a": {}}])
def test_a_start_may_bring_any_body(body: object) -> None:
    assert StartBody.model_validate({"body": body}).body == body
