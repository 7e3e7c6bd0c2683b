"""Families of models, and judges that would judge their own kin. Pure.

A judge tends to prefer answers of its own family (Panickssery et al. 2024, arXiv:2404.13076), so
that comparing a candidate of that family with another is not a fair comparison.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_FAMILIES = {
    "Claude": ("claude",),
    "Command": ("command", "c4ai", "aya", "cohere"),
    "DeepSeek": ("deepseek",),
    "GLM": ("glm", "chatglm"),
    "GPT": ("gpt", "chatgpt", "o1", "o3", "o4", "codex", "davinci"),
    "Gemini": ("gemini", "gemma", "palm"),
    "Granite": ("granite",),
    "Grok": ("grok",),
    "Kimi": ("kimi", "moonshot"),
    "Llama": ("llama", "codellama", "vicuna"),
    "Mistral": (
        *("mistral", "mixtral", "codestral", "ministral", "magistral", "pixtral", "devstral"),
    ),
    "Nova": ("nova", "titan"),
    "Phi": ("phi",),
    "Qwen": ("qwen", "qwq", "qvq"),
}
_PROVIDERS = {
    "anthropic": "Claude",
    "cohere": "Command",
    "deepseek": "DeepSeek",
    "gemini": "Gemini",
    "mistral": "Mistral",
    "moonshot": "Kimi",
    "openai": "GPT",
    "xai": "Grok",
}
_BY_NAME = {name: family for family, names in _FAMILIES.items() for name in names}
_WORDS = re.compile(r"[a-z]\d(?![a-z0-9])|[a-z]\d[a-z]+|[a-z]+")


def families(model: str) -> frozenset[str]:
    """The families that a model belongs to, by its name, else by its provider; empty if unknown.

    A distilled model belongs to both.

    >>> sorted(families("groq/deepseek-r1-distill-llama-70b")), sorted(families("openai/gpt-5"))
    (['DeepSeek', 'Llama'], ['GPT'])
    >>> sorted(families("anthropic/next")), sorted(families("house/judge"))
    (['Claude'], [])
    """
    provider, _, name = model.casefold().partition(" ")[0].rpartition("/")
    found = {_BY_NAME[word] for word in _WORDS.findall(name) if word in _BY_NAME}
    if not found:
        first = provider.partition("/")[0]
        found = {_PROVIDERS[first]} if first in _PROVIDERS else set()
    return frozenset(found)


def kinship(judges: Iterable[str], candidates: Iterable[str]) -> list[str]:
    """A sentence for each judge that shares a family with what it judges.

    >>> kinship(["openai/gpt-5"], ["azure/gpt-4o-mini", "anthropic/claude-opus-4"])
    ['the judge openai/gpt-5 is of the family (GPT) of azure/gpt-4o-mini, which it may prefer']
    """
    judged = sorted(set(candidates))
    said = []
    for judge in dict.fromkeys(judges):
        kin = [model for model in judged if families(judge) & families(model)]
        shared = sorted({family for model in kin for family in families(judge) & families(model)})
        if kin:
            said.append(
                f"the judge {judge} is of the family ({', '.join(shared)}) of {', '.join(kin)},"
                " which it may prefer"
            )
    return said
