from __future__ import annotations

import pytest

from gateway.media.attention import TRANSITIONS, Attention, Cue, next_attention
from gateway.media.states import IllegalEvent

ILLEGAL = [(a, c) for a in Attention for c in Cue if (a, c) not in TRANSITIONS]


@pytest.mark.parametrize(("attention", "cue"), TRANSITIONS)
def test_a_cue_leads_where_the_table_says(attention: Attention, cue: Cue) -> None:
    assert next_attention(attention, cue) is TRANSITIONS[attention, cue]


@pytest.mark.parametrize(("attention", "cue"), ILLEGAL)
def test_what_the_table_does_not_have_raises(attention: Attention, cue: Cue) -> None:
    with pytest.raises(IllegalEvent, match=f"{attention} takes no {cue}"):
        next_attention(attention, cue)


def test_every_state_is_reached_and_can_be_left() -> None:
    assert {state for state, _ in TRANSITIONS} == set(TRANSITIONS.values()) == set(Attention)


def test_a_call_is_heard_in_every_state() -> None:
    assert {TRANSITIONS[state, Cue.CALLED] for state in Attention} == {Attention.ATTENTIVE}
