"""The names that models have on the wire, brought to one form. Pure: strings in, strings out.

A name never becomes another model's: what is taken off is how the call was routed, not what was
called. What is not understood stays as it is, so that it is found in no table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# What instrumentations, gateways and OpenTelemetry call a provider, letters and digits only.
_PROVIDERS = {
    "openai": "openai openaichat openairesponses openaicompletion openaiembedding",
    "anthropic": "anthropic anthropicmessages",
    "google": "google gemini gcpgemini googlegenai googlegenerativeai googleaistudio googleai",
    "vertex": "vertex vertexai gcpvertexai googlevertex googlevertexai googlevertexchat",
    "bedrock": "bedrock awsbedrock amazonbedrock bedrockconverse aws amazon",
    "azure": "azure azureopenai azureaiopenai azureaiinference azureai azurechat azureresponses",
    "mistral": "mistral mistralai mistralchat",
    "cohere": "cohere coherechat coherev2",
    "deepseek": "deepseek deepseekchat",
    "xai": "xai xaichat xairesponses",
    "meta": "meta metaai",
    "moonshot": "moonshot moonshotai",
    "voyage": "voyage voyageai",
    "groq": "groq groqchat",
    "together": "together togetherai togetheraichat",
    "openrouter": "openrouter openrouterchat",
    "ollama": "ollama ollamachat",
    "vllm": "vllm hostedvllm",
    "lmstudio": "lmstudio",
}
_KNOWN = {spelling: name for name, all_ in _PROVIDERS.items() for spelling in all_.split()}
# Closed models that OpenRouter resells at the maker's price (https://openrouter.ai/docs/faq).
_RESOLD = {"openai", "anthropic", "google", "xai", "cohere"}

_PUBLISHER = re.compile(r"(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/")
_ARN = re.compile(r"arn:aws[\w-]*:bedrock:[^:]*:\d*:(?:foundation-model|inference-profile)/")
_ON_BEDROCK = re.compile(r"(?:[a-z-]{2,8}\.)?(?:anthropic|amazon|meta|mistral|cohere)\.[a-z]")
_TUNED = re.compile(r"(ft:[^:]+):.*")
_LATEST = re.compile(r"-latest$")
_DAY = re.compile(r"-20\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])$")


class Name(NamedTuple):
    """Whose model it is, or who serves it, and what it is called there, in lower case."""

    provider: str | None
    id: str


def read_name(model: str, provider: str | None = None) -> Name:
    """The one form of a model's name. Reading a name that was read changes nothing.

    >>> read_name("models/gemini-2.5-pro", "gcp.gemini")
    Name(provider='google', id='gemini-2.5-pro')
    >>> read_name("openrouter/anthropic/claude-sonnet-4.5")
    Name(provider='anthropic', id='claude-sonnet-4-5')
    >>> read_name("ft:gpt-4o-mini-2024-07-18:acme::Ab12", "openai")
    Name(provider='openai', id='ft:gpt-4o-mini-2024-07-18')
    >>> read_name("llama3", "ollama")
    Name(provider='ollama', id='llama3')
    """
    name = Name(_provider(provider), _bare(model))
    while (step := _once(name)) != name:
        name = Name(step.provider, _bare(step.id))
    return name


def variants(name: Name) -> Iterator[str]:
    """The ids to look for, the most exact first: as it is, without its date, without `-latest`.

    >>> list(variants(Name("openai", "gpt-4o-mini-2024-07-18")))
    ['gpt-4o-mini-2024-07-18', 'gpt-4o-mini']
    """
    yield name.id
    for ending in (_DAY, _LATEST):
        shorter = ending.sub("", name.id)
        if shorter != name.id:
            yield shorter


def _bare(label: str) -> str:
    return label.strip().lower()


def _provider(spelled: str | None) -> str | None:
    """The one spelling of a provider; one that is not known keeps its own, in lower case."""
    plain = (spelled or "").strip().lower()
    return _KNOWN.get(re.sub(r"[^a-z0-9]", "", plain), plain) or None


def _once(name: Name) -> Name:
    """One step nearer to the one form; the same name when there is none left."""
    provider, label = name
    if match := _PUBLISHER.match(label):
        return Name("vertex", label[match.end() :])
    if match := _ARN.match(label):
        return Name("bedrock", label[match.end() :])
    if provider in (None, "google", "vertex") and label.startswith("models/"):
        return Name(provider or "google", label.removeprefix("models/"))
    if provider in (None, "anthropic") and _ON_BEDROCK.match(label):
        return Name("bedrock", label)
    if "/" in label:
        return _routed(name)
    return Name(provider, _plain(provider, label))


def _routed(name: Name) -> Name:
    """A step for `first/rest`, where `first` may say who serves the model."""
    first, rest = name.id.split("/", 1)
    prefix = _provider(first)
    if not rest:
        return name
    if name.provider is None:
        return Name(prefix, rest) if prefix in _PROVIDERS else name
    if name.provider == "openrouter" and prefix in _RESOLD:
        return Name(prefix, rest)
    return Name(name.provider, rest) if prefix == name.provider else name


def _plain(provider: str | None, label: str) -> str:
    """A label without an owner's part, and in the spelling of its maker."""
    if match := _TUNED.fullmatch(label):
        return match[1]
    if provider == "bedrock":
        model = re.sub(r":\d+$", "", label)
        return re.sub(r"-v\d+$", "", model) if "anthropic." in model else model
    return label.replace(".", "-") if label.startswith("claude-") else label
