"""Language models that run on this machine: Ollama's and llama.cpp's servers, asked as they document it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx

from tools.findings import Finding

OLLAMA: Final = "http://127.0.0.1:11434"
LLAMA_CPP: Final = "http://127.0.0.1:8080"
_WHAT: Final = "language model"
_SECONDS: Final = 1.0
_SHOWN: Final = 8


def local_models(ollama: str = OLLAMA, llama_cpp: str = LLAMA_CPP) -> Iterator[Finding]:
    """Those that answer at their usual ports, and the settings that use them; none is no finding."""
    yield from _ollama(ollama)
    yield from _llama_cpp(llama_cpp)


def _ollama(url: str) -> Iterator[Finding]:
    version = _asked(f"{url}/api/version").get("version")
    if not isinstance(version, str):
        return
    names = _names(_asked(f"{url}/api/tags").get("models"), "name")
    about = f"Ollama {version} at {url}"
    if not names:
        yield Finding(_WHAT, None, f"{about} has no model", "ollama pull llama3.2")
        return
    use = f'[llm] provider = "ollama", options = {{ model = "{names[0]}" }}'
    yield Finding(_WHAT, True, f"{about}: {', '.join(names[:_SHOWN])}; to use it: {use}")


def _llama_cpp(url: str) -> Iterator[Finding]:
    props = _asked(f"{url}/props")
    if "default_generation_settings" not in props:  # something else has that port
        return
    names = _names(_asked(f"{url}/v1/models").get("data"), "id") or ["default"]
    build = props.get("build_info")
    about = f"llama.cpp{f' {build}' if isinstance(build, str) else ''} at {url}"
    use = f'[llm] provider = "openai", options = {{ model = "{names[0]}", base_url = "{url}/v1" }}'
    yield Finding(_WHAT, True, f"{about}: {', '.join(names[:_SHOWN])}; to use it: {use}")


def _asked(url: str) -> dict[str, Any]:
    """What a server answers, if that is an object of JSON."""
    try:
        found = httpx.get(url, timeout=_SECONDS, trust_env=False).raise_for_status().json()
    except (httpx.HTTPError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _names(found: Any, key: str) -> list[str]:
    items = found if isinstance(found, list) else []
    return [item[key] for item in items if isinstance(item, dict) and isinstance(item.get(key), str)]
