"""Quirks of families of models, whoever serves them; names may have a prefix (`eu.anthropic.`).

Sources: https://platform.openai.com/docs/api-reference/chat/create (`max_tokens`, `stop`),
https://platform.openai.com/docs/guides/reasoning, the pages of OpenAI's models (endpoints);
https://platform.claude.com/docs/en/about-claude/models/migration-guide (sampling parameters).
"""

from __future__ import annotations

from trimtab.providers.quirks import Quirk

_REASONING = r"(o\d|gpt-5(?!(\.\d+)?-chat)).*"
# From gpt-5.1 on it depends on the effort that is asked for, so those are left alone.
_WITHOUT_SAMPLING = r"(o\d.*|gpt-5(-mini|-nano)?(-\d{4}-.*)?)"
_ANYWHERE = r"(.*[./])?"
_CLAUDE_WITHOUT_SAMPLING = _ANYWHERE + r"claude-(opus-4-[78]|[a-z]+-5)(?!\d).*"
_CLAUDE_WITH_ONE_OF_TWO = _ANYWHERE + r"claude-(opus-4-[156]|sonnet-4-[56]|haiku-4-5)(?!\d).*"

OPENAI = (
    Quirk(models=_REASONING, renamed={"max_tokens": "max_completion_tokens"}),
    Quirk(
        models=_WITHOUT_SAMPLING,
        refused=(
            "temperature",
            "top_p",
            "presence_penalty",
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
        ),
    ),
    Quirk(
        models=_WITHOUT_SAMPLING,
        dialects=("openai.responses",),
        refused=("temperature", "top_p", "top_logprobs"),
    ),
    Quirk(models=r"o3(?!-mini).*|o4-mini.*", refused=("stop",)),
    Quirk(models=r"(o1|o3-mini).*", refused=("parallel_tool_calls",)),
    Quirk(models=r"o1-(mini|preview).*", roles={"system": "user", "developer": "user"}),
    Quirk(
        models=r"o\d-pro.*|gpt-5(\.\d+)?-pro.*|.*-deep-research.*|.*codex.*|computer-use-.*",
        only=("openai.responses", "passthrough"),
    ),
)
CLAUDE = (
    Quirk(
        models=_CLAUDE_WITHOUT_SAMPLING,
        dialects=("anthropic.messages",),
        refused=("temperature", "top_p", "top_k"),
    ),
    Quirk(
        models=_CLAUDE_WITH_ONE_OF_TWO,
        dialects=("anthropic.messages",),
        refused_beside={"top_p": "temperature"},
    ),
)
