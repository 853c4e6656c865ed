"""What the bot beside it says."""

from __future__ import annotations

import json


def greeting(body: object) -> dict[str, str]:
    return {"body": json.dumps(body)}
