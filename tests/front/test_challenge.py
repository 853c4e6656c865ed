"""A key that stays on its device: proven for one offer, at one gateway, once."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadOffer, Unauthorized
from gateway.front import access, challenge
from gateway.front.challenge import Challenges, Offered
from gateway.front.operators import Operators
from gateway.front.registry import Registry, open_registry
from tests.support.offers import captured

MINE, OTHER = "11" * 32, "22" * 32
PRINT = ":".join(["AB"] * 32)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    async with open_registry(tmp_path) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def challenges(clock: Clock) -> Challenges:
    return Challenges(clock)


def offer(challenges: Challenges, key: str, identity: str = MINE) -> Offered:
    """What a device that has met this identity sends."""
    about = Offered(challenges.nonce(), "", PRINT)
    return dataclasses.replace(about, proof=challenge.prove(challenge.digest_of(key), about.text(identity)))


async def ask(registry: Registry, challenges: Challenges, offered: Offered) -> access.Caller:
    return await access.prove(
        registry, Operators("vgo_secret"), challenges, offered, remote="192.168.1.5", identities=(MINE,)
    )


async def test_a_proof_says_who_asks(registry: Registry, challenges: Challenges) -> None:
    await registry.add("bath")
    device, key = await registry.add("kitchen")
    caller = await ask(registry, challenges, offer(challenges, key))
    assert (caller.name, caller.key_id, caller.role) == ("kitchen", device.id, device.role)
    assert key not in repr(caller)
    assert str(challenge.digest_of(key)) not in repr(caller)


async def test_a_recorded_offer_cannot_be_played_again(registry: Registry, challenges: Challenges) -> None:
    _, key = await registry.add("kitchen")
    recorded = offer(challenges, key)
    await ask(registry, challenges, recorded)
    with pytest.raises(Unauthorized, match="nonce"):
        await ask(registry, challenges, recorded)


async def test_nor_with_another_certificate_in_it(registry: Registry, challenges: Challenges) -> None:
    _, key = await registry.add("kitchen")
    recorded = offer(challenges, key)
    with pytest.raises(Unauthorized, match="proves no key"):
        await ask(registry, challenges, dataclasses.replace(recorded, fingerprint=PRINT.replace("A", "C")))
    assert (await ask(registry, challenges, recorded)).name == "kitchen"  # a stranger's try spends no nonce


async def test_what_was_proven_to_a_fake_gateway_proves_nothing_here(
    registry: Registry, challenges: Challenges
) -> None:
    """It may pass our nonce on, but the device has met another identity."""
    _, key = await registry.add("kitchen")
    with pytest.raises(Unauthorized, match="proves no key"):
        await ask(registry, challenges, offer(challenges, key, identity=OTHER))
    with pytest.raises(Unauthorized, match="proves no key"):
        await ask(registry, challenges, offer(challenges, key, identity=""))


async def test_a_revoked_key_proves_nothing(registry: Registry, challenges: Challenges) -> None:
    _, key = await registry.add("kitchen")
    await registry.revoke("kitchen")
    with pytest.raises(Unauthorized, match="proves no key"):
        await ask(registry, challenges, offer(challenges, key))


async def test_a_nonce_is_good_for_a_minute_and_for_its_own_gateway(
    registry: Registry, challenges: Challenges, clock: Clock
) -> None:
    _, key = await registry.add("kitchen")
    late = offer(challenges, key)
    clock.now += challenge.NONCE_SECONDS + 1
    for offered in (late, offer(Challenges(clock), key)):
        with pytest.raises(Unauthorized, match="nonce"):
            await ask(registry, challenges, offered)


def test_what_was_used_is_forgotten_when_it_is_too_old(challenges: Challenges, clock: Clock) -> None:
    for _ in range(50):
        challenges.spend(challenges.nonce())
        clock.now += challenge.NONCE_SECONDS
    assert len(challenges._spent) < 4


@given(st.text(max_size=80))
def test_a_nonce_that_is_none_is_refused(nonce: str) -> None:
    with pytest.raises(Unauthorized):
        Challenges().check(nonce)


async def test_the_answer_shows_that_the_gateway_has_the_key_and_made_it(
    registry: Registry, challenges: Challenges
) -> None:
    _, key = await registry.add("kitchen")
    caller = await ask(registry, challenges, offer(challenges, key))
    assert caller.proven is not None
    one, other = (f"a=fingerprint:sha-256 {value}\r\n" for value in (PRINT, PRINT.replace("A", "C")))
    assert caller.proven.of_answer(one) != caller.proven.of_answer(other)


def test_a_ticket_opens_one_path_for_a_while(challenges: Challenges, clock: Clock) -> None:
    ticket = challenges.ticket("/a")
    assert challenges.is_ticket("/a", ticket)
    assert not challenges.is_ticket("/b", ticket)
    assert not challenges.is_ticket("/a", challenges.nonce())
    assert not any(challenges.is_ticket("/a", wrong) for wrong in ("", ".", "x.y", ticket[:-1], ticket + "é"))
    clock.now += challenge.TICKET_SECONDS + 1
    assert not challenges.is_ticket("/a", ticket)


def test_the_form_of_a_proof() -> None:
    sdp = captured("aiortc")
    found = challenge.read(
        f"Voicegw nonce=ab.c-_, proof={'0' * 64}", f"a=fingerprint:sha-256 {PRINT.lower()}\r\n"
    )
    assert found == Offered("ab.c-_", "0" * 64, PRINT)
    assert challenge.read("Bearer vgw_x", sdp) is None
    assert challenge.read("", sdp) is None
    for wrong in (
        "Voicegw ",
        "Voicegw nonce=a",
        f"Voicegw nonce=a b, proof={'0' * 64}",
        "Voicegw nonce=a, proof=0",
    ):
        with pytest.raises(Unauthorized):
            challenge.read(wrong, sdp)


@pytest.mark.parametrize(
    "sdp",
    [
        "",
        "a=fingerprint:sha-1 AA\r\n",
        "a=fingerprint:sha-256 \ud800\r\n",
        f"a=fingerprint:sha-256 {PRINT}\r\na=fingerprint:sha-256 {PRINT.replace('A', 'C')}\r\n",
        f"a=fingerprint:sha-256 {PRINT}\r\na=fingerprint:sha-512 {PRINT}\r\n",
    ],
)
def test_a_description_of_no_one_certificate_proves_nothing(sdp: str) -> None:
    with pytest.raises(BadOffer):
        challenge.fingerprint(sdp)
