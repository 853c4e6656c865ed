"""Engines by configuration: provider names, what each needs, and how Pipecat's service for it is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipecat.processors.frame_processor import FrameProcessor

from gateway.environment import secret
from gateway.errors import ConfigError
from gateway.sections import EngineSpec
from gateway.speech import wyoming
from gateway.speech.catalogue import PROVIDERS, Kind, Provider
from ground import folders, installing
from ground.trouble import Trouble

LOCAL, SPHINX = "local", "sphinx"
"""Sphinx with Moonshine beside it, where its package is there; and sphinx alone."""
BUILT_IN: Mapping[Kind, tuple[str, ...]] = {"stt": (LOCAL, SPHINX), "tts": ("flite",)}
_BUILT_IN_OPTIONS: Mapping[str, frozenset[str]] = {
    LOCAL: frozenset(),
    SPHINX: frozenset(),
    "flite": frozenset({"voice"}),
}
_KEY_OPTION = "api_key_env"
WYOMING = "wyoming"
"""No engine of Pipecat's, and so in no catalogue of them."""


def check(kind: Kind, spec: EngineSpec, keys: Mapping[str, str]) -> None:
    """Find out whether `spec` can work, before any call. `keys` are environment variables. Blocks.

    An engine that runs on this machine is loaded once, and may download its model then.
    Raises ConfigError, which names what to install or set, and never holds a key.
    """
    if spec.provider in BUILT_IN.get(kind, ()):
        _check_names(kind, spec, _BUILT_IN_OPTIONS[spec.provider])
        return
    if spec.provider == WYOMING and kind in wyoming.OPTIONS:
        _check_names(kind, spec, wyoming.OPTIONS[kind])
        wyoming.check(kind, spec)
        return
    provider = _provider(kind, spec)
    _check_installed(kind, spec, provider)
    _check_names(
        kind, spec, frozenset({*provider.arguments, *_settings_of(provider), _KEY_OPTION} - {"extra"})
    )
    for option in provider.required:
        if option not in spec.options:
            raise ConfigError(f"{kind} {spec.provider!r} needs the option {option!r}")
    for option in provider.files:
        if option in spec.options and not _is_there(Path(str(spec.options[option]))):
            raise ConfigError(f"{kind} {spec.provider!r}: {option} {spec.options[option]!r} is not there")
    _key(kind, spec, provider, keys)
    if provider.local:
        _make(kind, spec, keys)


def _is_there(path: Path) -> bool:
    try:
        return folders.look(folders.expanded(path)) is not None
    except Trouble as error:
        raise ConfigError.of(error) from None


def make_stt(spec: EngineSpec, keys: Mapping[str, str]) -> FrameProcessor:
    """The speech-to-text service of `spec`. Raises ConfigError like check()."""
    if spec.provider == WYOMING:
        return wyoming.make_stt(spec)
    return _make("stt", spec, keys)


def make_tts(spec: EngineSpec, keys: Mapping[str, str]) -> FrameProcessor:
    """The text-to-speech service of `spec`. Raises ConfigError like check()."""
    if spec.provider == WYOMING:
        return wyoming.make_tts(spec)
    return _make("tts", spec, keys)


def make_llm(spec: EngineSpec, keys: Mapping[str, str], *, prompt: str) -> FrameProcessor:
    """The language model of `spec`, told `prompt` unless the options have a system_instruction."""
    return _make("llm", _prompted(spec, prompt), keys)


def make_realtime(spec: EngineSpec, keys: Mapping[str, str], *, prompt: str) -> FrameProcessor:
    """The speech-to-speech model of `spec`, told `prompt` likewise."""
    return _make("realtime", _prompted(spec, prompt), keys)


def _prompted(spec: EngineSpec, prompt: str) -> EngineSpec:
    return EngineSpec(provider=spec.provider, options={"system_instruction": prompt, **spec.options})


def _make(kind: Kind, spec: EngineSpec, keys: Mapping[str, str]) -> FrameProcessor:
    provider = _provider(kind, spec)
    _check_installed(kind, spec, provider)
    key = _key(kind, spec, provider, keys)
    service = _class(provider)
    arguments = {
        name: _argument(name, spec.options[name]) for name in provider.arguments if name in spec.options
    }
    skip = {*provider.arguments, _KEY_OPTION}
    settings = {name: value for name, value in spec.options.items() if name not in skip}
    if key:
        arguments["api_key"] = key
    try:
        made: FrameProcessor = service(settings=service.Settings(**settings), **arguments)
    except Exception as error:  # noqa: BLE001 - whatever an engine raises, it is this setting that doesn't work
        why = str(error).replace(key, "…") if key else str(error)
        raise ConfigError(f"{kind} {spec.provider!r} does not start: {type(error).__name__}: {why}") from None
    return made


def _provider(kind: Kind, spec: EngineSpec) -> Provider:
    known = PROVIDERS[kind]
    if spec.provider not in known:
        own = [*BUILT_IN[kind], WYOMING] if kind in BUILT_IN else []
        names = [*own, *known]
        raise ConfigError(f"there is no {kind} {spec.provider!r}", remedy=f"choose one of {', '.join(names)}")
    return known[spec.provider]


def _check_installed(kind: Kind, spec: EngineSpec, provider: Provider) -> None:
    parts = provider.module.split(".")
    missing = (
        any(not find_spec(".".join(parts[: n + 1])) for n in range(len(parts))) if provider.module else False
    )
    if missing:
        raise ConfigError(
            f"{kind} {spec.provider!r} is not installed",
            remedy=_extra(provider),
        )


def _extra(provider: Provider) -> str:
    return installing.line(f"pipecat-ai[{provider.extra}]=={metadata.version('pipecat-ai')}")


def _check_names(kind: Kind, spec: EngineSpec, known: frozenset[str]) -> None:
    if "api_key" in spec.options:
        raise ConfigError(
            f"{kind} {spec.provider!r}: a key doesn't belong in a settings file",
            remedy=f"put it in the environment, and name the variable with {_KEY_OPTION}",
        )
    unknown = sorted(set(spec.options) - known)
    if unknown:
        options = ", ".join(sorted(known)) or "none"
        raise ConfigError(
            f"{kind} {spec.provider!r} has no option {', '.join(unknown)}", remedy=f"its options: {options}"
        )


def _key(kind: Kind, spec: EngineSpec, provider: Provider, keys: Mapping[str, str]) -> str:
    """The API key; empty where the provider takes none."""
    variable = str(spec.options.get(_KEY_OPTION, provider.key))
    key = secret(keys, variable) if variable else ""
    if key or not provider.key:
        return key
    if provider.key_free_with and provider.key_free_with in spec.options and _KEY_OPTION not in spec.options:
        return "none"  # an OpenAI client insists on some key; a server of one's own ignores it
    raise ConfigError(
        f"{kind} {spec.provider!r} needs a key", remedy=f"set the environment variable {variable}"
    )


def _class(provider: Provider) -> Any:
    module, name = provider.path.split(":")
    try:
        return getattr(import_module(f"pipecat.services.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{name} can't be imported: {error}",
            remedy=_extra(provider) if provider.extra else "",
        ) from error


def _settings_of(provider: Provider) -> frozenset[str]:
    return frozenset(item.name for item in dataclasses.fields(_class(provider).Settings))


def _argument(name: str, value: Any) -> Any:
    return Path(str(value)).expanduser() if name.endswith(("_path", "_dir")) else value
