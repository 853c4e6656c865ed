"""Who is an operator without a key of the registry: who has the gateway's secret, or came by a link made with it."""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from loguru import logger

from gateway.errors import ConfigError, Unauthorized
from gateway.front.challenge import digest_of, prove
from ground import folders, text
from ground.trouble import Trouble

_FILE: Final = "operator.key"
_SECRET: Final = re.compile(r"vgo_[\w-]{43}", re.ASCII)
_MAX_LINKS: Final = 16
PAGE_SECONDS: Final = 30 * 24 * 3600


def own_secret(data_dir: Path) -> str:
    """The secret in a directory, made at the first start, for its owner alone to read: pages live over restarts.

    Another takes the place of what is none, as a restore that broke off leaves it: anyone could know that.

    Raises:
        ConfigError: it cannot be kept.
    """
    path = data_dir / _FILE
    try:
        found = text.read(path, strict=False).strip() if path.exists() else None
        if found is not None and _SECRET.fullmatch(found):
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
            return found
        if found is not None:
            logger.warning("{} held no secret of ours: another is made; browsers need a new link", path)
        made = f"vgo_{secrets.token_urlsafe(32)}"
        folders.keep(path, made.encode())
    except OSError as error:
        raise ConfigError.of(folders.unusable(path, error, setting="data_dir")) from None
    except Trouble as error:
        raise ConfigError.of(error) from None
    return made


class Operators:
    """Those of one gateway.

    Args:
        secret: what our own commands find and send; another one ends all pages.
        clock: Unix seconds.
    """

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.secret = secret
        self.digest = digest_of(secret)
        self._links: OrderedDict[bytes, None] = OrderedDict()

    def is_secret(self, key: str) -> bool:
        """Whether this is the secret itself."""
        return hmac.compare_digest(digest_of(key), self.digest)

    def link(self) -> str:
        """A ticket that lets one browser in, once; the oldest of too many is good no more."""
        ticket = secrets.token_urlsafe(24)
        self._links[digest_of(ticket)] = None
        while len(self._links) > _MAX_LINKS:
            self._links.popitem(last=False)
        return ticket

    def enter(self, ticket: str) -> str:
        """What a browser keeps for its ticket.

        Raises:
            Unauthorized: it was used, or is none.
        """
        if digest_of(ticket) not in self._links:
            raise Unauthorized(
                "this link was used, or is of an earlier start", remedy="get another: voicegw page"
            )
        del self._links[digest_of(ticket)]
        until = f"{int(self._clock()) + PAGE_SECONDS:x}"
        return f"{until}.{self._mark(until)}"

    def is_page(self, kept: str) -> bool:
        """Whether a browser that came by a link kept this."""
        until, _, mark = kept.partition(".")
        if not hmac.compare_digest(mark.encode(), self._mark(until).encode()):
            return False
        return int(until, 16) > self._clock()

    def _mark(self, until: str) -> str:
        return prove(self.digest, f"voicegw page\n{until}".encode())
