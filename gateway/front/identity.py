"""Who this gateway is over restarts, so that devices know the one that they are paired with."""

from __future__ import annotations

import secrets

from gateway.errors import ConfigError
from gateway.front.certificates import INSTANCE, INSTANCE_FILE
from gateway.settings import Settings
from ground import folders, text


def instance_id(settings: Settings) -> str:
    """This gateway's identity over restarts: made once, kept in its data directory.

    Raises:
        ConfigError: it cannot be kept, or what lies there is none.
    """
    path = settings.data_dir / INSTANCE_FILE
    try:
        if folders.look(path, follow=False) is not None:
            if INSTANCE.fullmatch(found := text.read(path).strip()):
                return found
            raise ConfigError(
                f"{path} cannot be used: it holds no 8 hex digits",
                remedy="put a copy of it back, or remove it; devices that look for this gateway miss a new one",
            )
        made = secrets.token_hex(4)
        folders.keep(path, made.encode())
    except OSError as error:
        raise ConfigError.of(folders.unusable(path, error, setting="data_dir")) from None
    except text.Unreadable as error:
        raise ConfigError.of(error) from None
    return made
