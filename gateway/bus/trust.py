"""What NATS is told of its users: who they are, and what each may say and hear; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from gateway.bus import subjects

ANSWERS: Final = 'allow_responses: { max: 8, expires: "1m" }'
"""Of a host, to each thing that it is asked: that it takes a call, and its answer."""
PORT: Final = 4222


def server(users: Mapping[str, str], *, store: str = "/var/lib/nats-server") -> str:
    """`nats-server`'s configuration, for files that lie beside it.

    Args:
        users: the password of each, by its name: `front-NAME` or `host-NAME`.
        store: where what is kept lies.
    """
    told = "\n".join(_user(name, password) for name, password in sorted(users.items()))
    return f"""# Written by `voicegw nats`: only its users get in, over TLS, and each has what is its own.
listen: "0.0.0.0:{PORT}"
server_name: "voicegw"
max_payload: 1048576
ping_interval: "1s"  # a machine without power is missed after three, and asked for nothing from then on
ping_max: 2
jetstream {{ store_dir: {json.dumps(store, ensure_ascii=False)} }}
tls {{
  cert_file: "server.pem"
  key_file: "server.key"
  timeout: 5
}}
authorization {{
  timeout: 5
  users = [
{told}
  ]
}}
"""


def _user(name: str, password: str) -> str:
    kind, _, own = name.partition("-")
    sends, hears = subjects.of_host(own) if kind == "host" else subjects.of_front(own)
    answers = f"\n        {ANSWERS}" if kind == "host" else ""
    return f"""    {{
      user: {json.dumps(name)}
      password: {json.dumps(password)}
      permissions: {{
        publish: {json.dumps(sends)}
        subscribe: {json.dumps(hears)}{answers}
      }}
    }}"""


def member(name: str, urls: list[str]) -> str:
    """What a member's voicegw.toml has, for files that lie beside it."""
    return f"""[nats]
urls = {json.dumps(urls)}
user = {json.dumps(name)}
password_file = "{name}.password"
ca = "nats-ca.pem"
"""
