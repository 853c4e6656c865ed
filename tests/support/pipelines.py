"""Pipecat's helper of tests, which gives a pipeline a second to start: a busy machine takes longer."""

from __future__ import annotations

from functools import partial

from pipecat.tests import utils

from tests.support.waiting import PATIENCE

run_test = partial(utils.run_test, start_timeout=PATIENCE)
