"""Logfire and pydantic-ai, beside gen_ai.*: older versions named most things themselves.

Runs of an agent sum the usage of the calls below them. pydantic-ai counts cached tokens inside the
input, for every provider. Attributes that an application gives its spans keep their plain names;
what Logfire's scrubbing left of them says nothing.
"""

from typing import Any

from trimtab.conventions import messages, usage
from trimtab.conventions.convention import Convention
from trimtab.conventions.convert import always, count, dumped, money, tags, text, value

_SCRUBBED = "[Scrubbed due to"


def kept(value: Any) -> str | None:
    """Text that was not scrubbed."""
    found = text(value)
    return None if found is None or found.startswith(_SCRUBBED) else found


CONVENTION = Convention(
    "logfire",
    attributes=(
        ("logfire.msg", "title", text),
        ("session_id", "session", kept),
        ("user_id", "user", kept),
        ("agent_name", "agent", always("agent")),
        ("model_name", "request_model", text),
        ("pydantic_ai.all_messages", "input_messages", messages.recorded),
        ("all_messages_events", "conversation", value),
        ("events", "conversation", value),
        ("tool_arguments", "input", dumped),
        ("request_data", "input", value),
        ("prompt", "input", value),
        ("tool_response", "output", dumped),
        ("final_result", "output", value),
        ("response_data", "output", value),
        ("response_data", "usage_details", usage.answer),
        ("gen_ai.usage.raw", "usage_details", usage.body),
        ("gen_ai.usage.details.cache_read_input_tokens", "tokens_cache_read", count),
        ("gen_ai.usage.details.cache_read_tokens", "tokens_cache_read", count),
        ("gen_ai.usage.details.cached_tokens", "tokens_cache_read", count),
        ("gen_ai.usage.cache_write_tokens", "tokens_cache_write", count),
        ("gen_ai.usage.details.cache_creation_input_tokens", "tokens_cache_write", count),
        ("gen_ai.usage.details.reasoning_tokens", "tokens_reasoning", count),
        ("gen_ai.usage.details.input_audio_tokens", "tokens_audio_input", count),
        ("gen_ai.usage.details.output_audio_tokens", "tokens_audio_output", count),
        ("operation.cost", "cost", money),
        ("logfire.tags", "tags", tags),
    ),
)
