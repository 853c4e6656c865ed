"""`make flash-demo`, on a network of its own: mDNS and all."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support import lan
from tests.tools import boards

pytestmark = [pytest.mark.usefixtures("firmware"), pytest.mark.timeout(300)]
NETWORK = """
ip link set lo up
ip link add here type veth peer name there
ip address add 10.99.0.1/24 dev here
ip link set here up
ip link set there up
exec "$@"
"""


def test_a_board_that_is_not_there_is_said_with_those_that_are() -> None:
    done = boards.run("hil.flash_demo", "--board", "nonesuch")
    assert done.status == 2
    cause, remedy = done.err.splitlines()
    assert cause == "error: there is no board 'nonesuch'"
    assert "choose one of" in remedy
    assert "xmini-c3" in remedy


@pytest.mark.skipif(not lan.possible(), reason="no network namespaces here")
def test_an_empty_board_finds_the_gateway_by_mdns_and_answers_a_spoken_question() -> None:
    done = subprocess.run(
        ["unshare", "-n", "sh", "-ec", NETWORK, "sh", *boards.command("hil.flash_demo")],
        cwd=boards.ROOT, env=boards.environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    last = re.fullmatch(r'reached=live heard="(.+)" said="(.+)"', (done.stdout.splitlines() or [""])[-1])
    assert last is not None, done.stdout + done.stderr
    assert "time" in last[1]
