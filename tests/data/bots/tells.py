"""A bot that writes down what it is given, and ends with its call."""

import asyncio
import json
import os
import sys
from pathlib import Path

from pipecat.runner.types import RunnerArguments
from pipecat.utils.file_storage import LocalFileStorage

AT_IMPORT = [Path(sys.argv[0]).name, *sys.argv[1:]]


def create_file_storage() -> LocalFileStorage:
    return LocalFileStorage("nowhere")


async def bot(runner_args: RunnerArguments) -> None:
    given = {
        "body": runner_args.body,
        "fields": sorted(f for f in runner_args.__dataclass_fields__),
        "handle_sigint": runner_args.handle_sigint,
        "handle_sigterm": runner_args.handle_sigterm,
        "idle": runner_args.pipeline_idle_timeout_secs,
        "call_data": runner_args.call_data,
        "session_id": runner_args.session_id,
        "storage": type(runner_args.file_storage).__name__,
        "cli_args": vars(runner_args.cli_args),
        "environment": {"ENV": os.environ["ENV"], "BESIDE": os.environ.get("BESIDE")},
        "argv": AT_IMPORT,
        "argv_now": Path(sys.argv[0]).name,
        "own": hasattr(runner_args, "voicegw"),
    }
    file = Path(os.environ["TOLD"]) / str(runner_args.session_id)
    file.with_suffix(".new").write_text(json.dumps(given))
    file.with_suffix(".new").rename(file.with_suffix(".json"))
    await asyncio.sleep(3600)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
