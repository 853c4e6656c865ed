"""The rig itself: a device with a fault fails exactly the tests that it should, in words that name the cause."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from hil.gateway import ROOT, Gateway
from hil.record.results import Result
from tests.hil.running import suite

Runs = dict[str, Future[list[Result]]]
CAUGHT = {
    "rate": {
        "test_its_packets_are_evenly_paced_and_none_is_left_out": r"its sound runs at 15,\d{3} Hz instead of 16,000 Hz"
    },
    "drop": {
        "test_its_packets_are_evenly_paced_and_none_is_left_out": r"left out \d+ of \d+ packets before they reached"
    },
    "leak": {"test_reconnects_leak_nothing[15]": r"the heap falls by 2,\d{3} bytes with each call: a leak"},
    "hang": {"test_the_volume_is_stored": r"no answer to 'do volume 35' within 5 s: the firmware hangs"},
    "silent": {"test_what_is_played_can_be_heard": r"the speaker is silent while the board plays 880 Hz"},
    "loop": {"test_it_boots_once_and_stays_up": r"a boot loop: the board began \d+ times .*signal 6"},
}
_STARVED = re.compile(r"clock against this machine's: [\d,]+ ppm|within 5 ms of the one before")
"""A simulated board that gets no CPU is slow, like one with a wrong clock (those are told by other words: `rate`), and
a gateway that gets none sends in bursts; no fault here is of its."""


@pytest.fixture(scope="module")
def runs(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """The witnesses of each fault, two devices at a time, on one gateway."""
    del built
    with Gateway(tmp_path_factory.mktemp("gateway")) as gateway, ThreadPoolExecutor(2) as two:

        def witnesses(fault: str) -> list[Result]:
            binary = str(ROOT / "firmware" / "build" / "host" / f"voicesim-{fault}")
            device = ("--backend", "simulated", "--sim-binary", binary, "--gateway", gateway.url)
            return suite(tmp_path_factory.mktemp(fault), "-m", "witness", *device)

        def run(fault: str) -> list[Result]:
            results = witnesses(fault)
            if first := mistaken(fault, results):  # others run beside it: a fault of the rig is there again
                again = [r for r in witnesses(fault) if r.test in first]
                results = [r for r in results if r.test not in first] + again
            return results

        yield {fault: two.submit(run, fault) for fault in CAUGHT}


def mistaken(fault: str, results: list[Result]) -> dict[str, str]:
    """The tests that do not come to what a device with this fault should make of them, and what they say."""
    others = "skipped" if fault == "loop" else "passed"
    found = {}
    for result in results:
        cause = CAUGHT[fault].get(result.test)
        if cause is None:
            is_right = result.outcome == others or bool(_STARVED.search(result.message))
        else:
            is_right = result.outcome == "failed" and bool(re.search(cause, result.message, re.DOTALL))
        if not is_right:
            found[result.test] = f"{result.outcome} {result.message}"
    missing = CAUGHT[fault].keys() - {result.test for result in results}
    return found | dict.fromkeys(missing, "was not run")


@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("fault", CAUGHT)
def test_it_is_caught(runs: Runs, fault: str) -> None:
    assert mistaken(fault, runs[fault].result()) == {}
