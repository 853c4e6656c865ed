"""The suite as a maker runs it, in a process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hil.__main__ import command
from hil.gateway import ROOT
from hil.record.results import Result, read

_SECONDS = 700.0


def suite(folder: Path, *options: str) -> list[Result]:
    """Run it; gives what each test came to. It has to write its results, whatever they are."""
    ran = subprocess.run(
        command(folder, [*options, "--no-page", "--slack", "4"]),  # other tests run beside it
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_SECONDS,
        check=False,
    )
    assert (folder / "results.json").exists(), ran.stdout.decode(errors="replace")
    return read(folder).results


def failed(results: list[Result]) -> dict[str, str]:
    """The failures and what they say."""
    return {r.test: r.message for r in results if r.outcome == "failed"}
