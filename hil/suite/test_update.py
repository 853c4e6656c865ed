"""Updates over the air."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.board import Board
from hil.gateway import Gateway
from hil.network import Link
from hil.record.results import Measuring

pytestmark = pytest.mark.ota
_NEWER = "0.9.0"
Release = Callable[..., Path]


@pytest.mark.quick
def test_an_update_is_tried_and_kept(
    updatable: Board, gateway: Gateway, link: Link, release: Release, measure: Measuring
) -> None:
    gateway.offer_release(release(_NEWER))
    before, began = len(link.calls), time.monotonic()
    gateway.update(updatable.ask("state")["id"], _NEWER)
    updatable.until(lambda: len(link.calls) > before, "it calls with the new version", 120)
    measure("update_s", time.monotonic() - began)
    assert link.calls[-1].device["fw"] == _NEWER
    updatable.until(lambda: not updatable.ask("update")["on_trial"], "the new version is found good", 60)
    assert updatable.ready()["fw"] == _NEWER


@pytest.mark.parametrize("fault", ["crash", "never-live"])
def test_an_update_that_does_not_work_is_gone_back_on(
    updatable: Board, gateway: Gateway, link: Link, release: Release, fault: str
) -> None:
    old = updatable.ask("state")["fw"]
    gateway.offer_release(release("0.9.1" if fault == "crash" else "0.9.2", fault))
    before, since = len(link.calls), updatable.console.mark()
    gateway.update(updatable.ask("state")["id"], "0.9.1" if fault == "crash" else "0.9.2")
    updatable.console.wait(lambda e: e.get("state") == "rebooting", "it starts the update", 120, since=since)
    if fault == "never-live":
        updatable.until(lambda: updatable.ready()["fw"] == "0.9.2", "the trial runs", 60)
        updatable.reset()  # and is over
    updatable.until(lambda: len(link.calls) > before, "it calls again", 60)
    told = link.calls[-1].device
    assert (told["fw"], told["last_failure"]) == (old, "update_rolled_back")
    updatable.live(30)


@pytest.mark.parametrize("percent", [5, 70])
def test_a_reset_in_an_update_leaves_the_old_or_the_new(
    updatable: Board, gateway: Gateway, link: Link, release: Release, percent: int
) -> None:
    about = updatable.ask("state")
    gateway.offer_release(release("0.9.4"))
    before, since = len(link.calls), updatable.console.mark()
    gateway.update(about["id"], "0.9.4")
    updatable.console.wait(
        lambda e: e.get("percent", 0) >= percent, f"{percent} % of it is written", 120, since=since
    )
    updatable.reset()
    updatable.until(lambda: len(link.calls) > before, "it calls again", 60)
    assert link.calls[-1].device["fw"] in {about["fw"], "0.9.4"}
    updatable.live(30)


def test_what_is_no_image_is_refused_and_the_call_goes_on(
    updatable: Board, gateway: Gateway, release: Release
) -> None:
    folder = gateway.offer_release(release("0.9.3"))
    since = updatable.console.mark()
    app = folder / "voicegw.bin"
    app.write_bytes(app.read_bytes()[:-64] + bytes(64))  # of the announced size, and of another hash
    gateway.update(updatable.ask("state")["id"], "0.9.3")
    failed = updatable.console.wait(
        lambda e: e.get("event") == "update" and e.get("state") == "failed", "it refuses", 60, since=since
    )
    assert failed["reason"] in {"update_bad_hash", "update_bad_image", "update_http"}, failed
    assert updatable.ask("state")["state"] == "live"
