from __future__ import annotations

import json
import subprocess
import sys

from tests.support.gateway import ROOT, environment

LOADED = "import gateway.media.main, gateway.media.host, json, sys; print(json.dumps(sorted(sys.modules)))"


def test_a_media_process_loads_neither_bots_nor_pipelines() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "gateway.media.session" in loaded
    foreign = ("gateway.bot.", "gateway.bots", "gateway.speech", "pipecat.pipeline", "pipecat.processors")
    engines = {"onnxruntime", "transformers", "openai", "numba", "fastapi", "uvicorn"}
    assert [name for name in loaded if name.startswith(foreign) or name in engines] == []
