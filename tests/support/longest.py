"""Which files of tests take longest: begun first, so that no process still has one when the others are done."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILES = (
    "e2e/test_bot_trouble.py",
    "e2e/test_lifecycle.py",
    "sim/test_failure.py",
    "e2e/test_phone.py",
    "hosts/test_faults.py",
    "hil/test_faults.py",
    "tools/test_running_board.py",
    "browser/test_talk.py",
    "hil/test_suite.py",
    "e2e/test_faults.py",
    "e2e/test_lan.py",
    "browser/test_page.py",
    "attack/test_floods.py",
    "sim/test_does.py",
    "tools/test_flash_published.py",
    "cli/test_start.py",
    "speech/test_hearing.py",
    "sim/test_call.py",
    "sim/test_promises.py",
    "e2e/test_reconnect.py",
    "sim/test_update.py",
    "attack/test_proxy.py",
    "e2e/test_isolation.py",
    "e2e/test_front_restart.py",
    "packaging/test_wheel.py",
    "sim/test_mqtt.py",
    "attack/test_page.py",
    "media/test_bots.py",
    "hosts/test_calls.py",
    "browser/test_manage.py",
    "speech/test_sphinx_sharing.py",
    "sim/test_lan_starts.py",
    "packaging/test_set_up.py",
    "sim/test_discovery.py",
    "tools/test_flash_faults.py",
    "e2e/test_lan_leaves.py",
    "cli/test_bots.py",
    "e2e/test_api.py",
    "sim/test_observability.py",
    "firmware/test_sctp_aiortc.py",
    "front/test_discovery.py",
    "sim/test_room.py",
    "speech/test_tooling.py",
    "sim/test_rollout.py",
    "sim/test_conversation.py",
    "sim/test_broken.py",
    "hil/simboard/test_firmware.py",
    "bots/test_memory.py",
    "sim/test_foreign.py",
    "tools/test_flash_interrupted.py",
    "front/test_lasting_trouble.py",
    "tools/test_flash.py",
    "e2e/test_relay.py",
    "cli/test_identity.py",
    "attack/test_fake_gateway.py",
    "unchanged/test_given.py",
    "sim/test_shared_key.py",
    "tools/test_flash_demo.py",
    "hosts/test_trust.py",
    "e2e/test_link_local.py",
    "hil/simboard/test_server.py",
    "cli/test_cli.py",
    "hil/test_options.py",
    "tools/test_enrol.py",
    "browser/test_flash.py",
)
"""Those that take 15 s and more on two cores, in that order."""
_RANKS = {TESTS / name: rank for rank, name in enumerate(FILES)}


def rank(item: pytest.Item) -> int:
    """Where a test's file is in that order."""
    return _RANKS.get(item.path, len(_RANKS))


def first(items: list[pytest.Item]) -> None:
    """Put these files' tests before all others, and leave those in their order."""
    items.sort(key=rank)
