"""The engines that a setting can name, each with what it needs. Class paths checked against Pipecat 1.14."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["stt", "llm", "tts", "realtime"]


@dataclass(frozen=True, slots=True)
class Provider:
    """One engine: its class, below pipecat.services, and what the constructor takes beside its Settings."""

    path: str
    extra: str = ""  # of pipecat-ai, to install
    module: str = ""  # which that extra brings
    key: str = ""  # the environment variable of its API key
    key_free_with: str = ""  # an option with which no key is needed
    required: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # options that are paths and have to exist
    local: bool = False  # loads a model on this machine: loaded once at start-up, to find what is wrong


PROVIDERS: Mapping[Kind, Mapping[str, Provider]] = {
    "stt": {
        "whisper": Provider(
            "whisper.stt:WhisperSTTService",
            "whisper",
            "faster_whisper",
            arguments=("device", "compute_type"),
            local=True,
        ),
        "moonshine": Provider(
            "moonshine.stt:MoonshineSTTService", "moonshine", "moonshine_voice", local=True
        ),
        "deepgram": Provider(
            "deepgram.stt:DeepgramSTTService",
            "deepgram",
            "deepgram",
            key="DEEPGRAM_API_KEY",
            arguments=("base_url", "ttfs_p99_latency"),
        ),
        "openai": Provider(
            "openai.stt:OpenAISTTService",
            key="OPENAI_API_KEY",
            key_free_with="base_url",
            arguments=("base_url", "ttfs_p99_latency"),
        ),
        "groq": Provider("groq.stt:GroqSTTService", key="GROQ_API_KEY"),
        "cartesia": Provider("cartesia.stt:CartesiaSTTService", key="CARTESIA_API_KEY"),
        "assemblyai": Provider("assemblyai.stt:AssemblyAISTTService", key="ASSEMBLYAI_API_KEY"),
        "soniox": Provider("soniox.stt:SonioxSTTService", key="SONIOX_API_KEY"),
    },
    "llm": {
        "openai": Provider(
            "openai.llm:OpenAILLMService",
            key="OPENAI_API_KEY",
            key_free_with="base_url",
            required=("model",),
            arguments=("base_url", "organization", "project"),
        ),
        "ollama": Provider("ollama.llm:OLLamaLLMService", required=("model",), arguments=("base_url",)),
        "anthropic": Provider(
            "anthropic.llm:AnthropicLLMService",
            "anthropic",
            "anthropic",
            key="ANTHROPIC_API_KEY",
            required=("model",),
        ),
        "google": Provider(
            "google.llm:GoogleLLMService",
            "google",
            "google.genai",
            key="GOOGLE_API_KEY",
            required=("model",),
        ),
        "groq": Provider("groq.llm:GroqLLMService", key="GROQ_API_KEY", required=("model",)),
        "openrouter": Provider(
            "openrouter.llm:OpenRouterLLMService", key="OPENROUTER_API_KEY", required=("model",)
        ),
    },
    "tts": {
        "piper": Provider(
            "piper.tts:PiperTTSService",
            "piper",
            "piper",
            required=("voice",),
            arguments=("download_dir", "use_cuda"),
            files=("download_dir",),
            local=True,
        ),
        "kokoro": Provider(
            "kokoro.tts:KokoroTTSService",
            "kokoro",
            "kokoro_onnx",
            required=("voice",),
            arguments=("model_path", "voices_path"),
            files=("model_path", "voices_path"),
            local=True,
        ),
        "cartesia": Provider("cartesia.tts:CartesiaTTSService", key="CARTESIA_API_KEY", required=("voice",)),
        "elevenlabs": Provider(
            "elevenlabs.tts:ElevenLabsTTSService", key="ELEVENLABS_API_KEY", required=("voice",)
        ),
        "openai": Provider(
            "openai.tts:OpenAITTSService",
            key="OPENAI_API_KEY",
            key_free_with="base_url",
            required=("voice",),
            arguments=("base_url",),
        ),
        "deepgram": Provider(
            "deepgram.tts:DeepgramTTSService", key="DEEPGRAM_API_KEY", arguments=("base_url",)
        ),
    },
    "realtime": {
        "openai": Provider(
            "openai.realtime.llm:OpenAIRealtimeLLMService",
            key="OPENAI_API_KEY",
            arguments=("base_url",),
        ),
        "google": Provider(
            "google.gemini_live.llm:GeminiLiveLLMService",
            "google",
            "google.genai",
            key="GOOGLE_API_KEY",
        ),
    },
}
