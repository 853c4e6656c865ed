"""Who this gateway is over restarts, so that devices know the one that they are paired with."""

from __future__ import annotations

import re
import secrets
from typing import Final

from gateway.errors import ConfigError
from gateway.settings import Settings
from ground import folders, text
from ground.trouble import Trouble

_ID: Final = re.compile("[0-9a-f]{8}")


def instance_id(settings: Settings) -> str:
    """This gateway's identity over restarts: made once, kept in its data directory.

    Raises:
        ConfigError: it cannot be kept.
    """
    path = settings.data_dir / "gateway-id"
    try:
        if path.exists() and _ID.fullmatch(found := text.read(path).strip()):
            return found
        made = secrets.token_hex(4)
        path.write_text(made)
    except OSError as error:
        raise ConfigError.of(folders.unusable(path, error, setting="data_dir")) from None
    except Trouble as error:
        raise ConfigError.of(error) from None
    return made
