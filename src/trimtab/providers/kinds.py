"""The kinds of providers that a configuration may name. Adding one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trimtab.ports import Provider, Upstream
from trimtab.providers import (
    anthropic,
    azure,
    bedrock,
    gemini,
    ollama,
    openai,
    openai_compatible,
    vertex,
    vllm,
)
from trimtab.providers.wire import Account

Build = Callable[[Account, Upstream], Provider]

KINDS: Mapping[str, Build] = {
    "anthropic": anthropic.build,
    "azure": azure.build,
    "bedrock": bedrock.build,
    "gemini": gemini.build,
    "ollama": ollama.build,
    "openai": openai.build,
    "openai_compatible": openai_compatible.build,
    "vertex": vertex.build,
    "vllm": vllm.build,
}
