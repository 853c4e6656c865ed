"""Real proxies before a gateway, as their users set them up."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tests.support.waiting import until

NGINX = """
pid {folder}/pid; error_log {folder}/error.log; daemon off; worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen {address}:{port} ssl; ssl_certificate {cert}; ssl_certificate_key {key};
    location / {{ proxy_pass http://{there}; {more} }}
  }}
}}
"""
NGINX_AS_DOCUMENTED = """
proxy_http_version 1.1; proxy_buffering off; proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
"""
HAPROXY = """
global
  user haproxy
  group haproxy
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend in
  bind {address}:{port} ssl crt {both}
  {more}
  default_backend gateway
backend gateway
  server gateway {there}
"""
HAPROXY_AS_DOCUMENTED = """
  option forwardfor
  http-request set-header X-Forwarded-Proto https
"""
HAPROXY_PASSING_ON = """
global
  user haproxy
  group haproxy
defaults
  mode tcp
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend in
  bind {address}:{port}
  default_backend gateway
backend gateway
  server gateway {there} {more}
"""
HAPROXY_PASSING_ON_AS_DOCUMENTED = "send-proxy-v2"
CADDY = """
{{
  admin off
  default_sni voice.example
  storage file_system {folder}/caddy
}}
https://:{port} {{
  bind {address}
  tls {cert} {key}
  reverse_proxy {there}
  {more}
}}
"""
"""Clients here come by address, and name nobody: hence `default_sni`. Its other defaults are what is documented."""
PROGRAMS = {"nginx": "/usr/sbin/nginx", "haproxy": "/usr/sbin/haproxy", "caddy": "/usr/bin/caddy"}


def missing(program: str) -> bool:
    """Whether the program is not installed here."""
    return shutil.which(program, path="/usr/sbin:/usr/bin") is None


def _started(program: str, folder: Path, config: Path, prefix: Sequence[str]) -> subprocess.Popen[bytes]:
    arguments = {
        "nginx": ["-c", str(config)],
        "haproxy": ["-db", "-f", str(config)],
        "caddy": ["run", "--adapter", "caddyfile", "--config", str(config)],
    }[program]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with (folder / "proxy.log").open("wb") as log:
        return subprocess.Popen(
            [*prefix, PROGRAMS[program], *arguments], stdout=log, stderr=log, env=environment
        )


def _listens(prefix: Sequence[str], address: str, port: int) -> bool:
    command = [*prefix, "ss", "-Hltn", f"src {address} and sport = :{port}"]
    return bool(subprocess.run(command, capture_output=True, check=True).stdout.strip())


@contextlib.asynccontextmanager
async def proxy(
    program: str, folder: Path, text: str, *, prefix: Sequence[str], reached: tuple[str, int]
) -> AsyncIterator[str]:
    """Run a proxy with this configuration; gives its URL once it listens."""
    config = folder / f"{program}.conf"
    config.write_text(text)
    folder.chmod(0o755)
    process = _started(program, folder, config, prefix)

    def listens() -> bool:
        assert process.poll() is None, (folder / "proxy.log").read_text()
        return _listens(prefix, *reached)

    try:
        await until(listens, f"{program} listens")
        yield f"https://{reached[0]}:{reached[1]}"
    finally:
        process.terminate()
        process.wait(20)
