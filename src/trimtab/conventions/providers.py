"""Names of model providers, as the conventions spell them, brought to one spelling each."""

from __future__ import annotations

from typing import Any

_SPELLINGS = {
    "azure": ("azure_openai", "azure-openai", "azureopenai", "az", "azure_ai", "azure-ai"),
    "aws.bedrock": ("aws", "bedrock", "amazon-bedrock", "amazon_bedrock", "bedrock_converse"),
    "google": (
        "gcp",
        "gemini",
        "vertex",
        "vertexai",
        "vertex_ai",
        "google_genai",
        "google_vertexai",
        "google-vertex",
        "google-gla",
        "google_ai_studio",
    ),
    "mistral": ("mistralai", "mistral_ai"),
    "xai": ("x_ai", "x-ai"),
    "together": ("together_ai", "togetherai"),
    "fireworks": ("fireworks_ai",),
    "huggingface": ("hugging_face",),
    "moonshot": ("moonshot_ai", "moonshotai"),
    "ibm.watsonx": ("ibm", "watsonx"),
}
_PLAIN = ("openai", "anthropic", "cohere", "groq", "deepseek", "ollama", "openrouter", "perplexity")
_KNOWN = {
    **{name: name for name in _PLAIN},
    **{spelt: name for name, others in _SPELLINGS.items() for spelt in (name, *others)},
}

# What some instrumentations name as the provider is the framework that called it.
_FRAMEWORKS = frozenset(
    {"langchain", "langgraph", "crewai", "llamaindex", "llama_index", "haystack", "dspy", "agno"}
)


def provider(value: Any) -> str | None:
    """The provider's usual name; one that is not known stays as it is, in lower case.

    Names may be followed by what is called there: `openai.responses`, `gcp.vertex_ai`.

    >>> provider("az.ai.openai"), provider("openai.chat"), provider("Anthropic")
    ('azure', 'openai', 'anthropic')
    """
    if type(value) is not str or not value:
        return None
    if value in _KNOWN:
        return _KNOWN[value]
    name = value.strip('"').lower()
    if name in _KNOWN:
        return _KNOWN[name]
    first = name.partition(".")[0]
    if first in _FRAMEWORKS:
        return None
    return _KNOWN.get(first, first) or None
