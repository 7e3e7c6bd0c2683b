"""The Vercel AI SDK (ai.*), which adds gen_ai.* to the spans that call a model.

`ai.generateText` and its like hold the calls below them and sum their usage; only the spans named
`.do...` call a model. Before SDK 6 the Anthropic and Bedrock providers counted cached tokens beside
the input (`BESIDE` in `assemble.py`); since then `noCacheTokens` says it.
"""

from trimtab.conventions import messages, usage
from trimtab.conventions.convention import Convention
from trimtab.conventions.convert import (
    after,
    count,
    dumped,
    each,
    entries,
    one_of,
    prompt_ref,
    tags,
    text,
    value,
)
from trimtab.conventions.providers import provider

_CALLS = ("generateText", "streamText", "generateObject", "streamObject")
OPERATIONS = {
    **{f"ai.{name}": "chain" for name in (*_CALLS, "embed", "embedMany", "rerank")},
    **{f"ai.{name}.doGenerate": "llm" for name in _CALLS},
    **{f"ai.{name}.doStream": "llm" for name in _CALLS},
    "ai.embed.doEmbed": "embedding",
    "ai.embedMany.doEmbed": "embedding",
    "ai.rerank.doRerank": "reranker",
    "ai.toolCall": "tool",
}

CONVENTION = Convention(
    "vercel",
    attributes=(
        ("ai.operationId", "kind", one_of(OPERATIONS)),
        ("ai.toolCall.name", "tool", text),
        ("ai.toolCall.name", "name", text),
        ("ai.telemetry.metadata.sessionId", "session", text),
        ("ai.telemetry.metadata.userId", "user", text),
        ("ai.telemetry.metadata.langfusePrompt", "prompt", prompt_ref),
        ("ai.model.provider", "provider", provider),
        ("ai.response.model", "model", text),
        ("ai.model.id", "request_model", text),
        ("ai.response.msToFirstChunk", "first_token_after", after(10**6)),
        ("ai.stream.msToFirstChunk", "first_token_after", after(10**6)),
        ("ai.prompt.messages", "input_messages", messages.recorded),
        ("ai.prompt", "input_messages", messages.prompted),
        ("ai.toolCall.args", "input", dumped),
        ("ai.value", "input", dumped),
        ("ai.values", "input", each),
        ("ai.toolCall.result", "output", dumped),
        ("ai.response.object", "output", value),
        ("ai.result.object", "output", value),
        ("ai.response.text", "answer_text", text),
        ("ai.result.text", "answer_text", text),
        ("ai.response.toolCalls", "answer_calls", messages.calls),
        ("ai.result.toolCalls", "answer_calls", messages.calls),
        ("ai.usage.inputTokens", "tokens_input", count),
        ("ai.usage.promptTokens", "tokens_input", count),
        ("ai.usage.tokens", "tokens_input", count),
        ("ai.usage.outputTokens", "tokens_output", count),
        ("ai.usage.completionTokens", "tokens_output", count),
        ("ai.usage.totalTokens", "tokens_total", count),
        ("ai.usage.inputTokenDetails.noCacheTokens", "tokens_fresh_input", count),
        ("ai.usage.inputTokenDetails.cacheReadTokens", "tokens_cache_read", count),
        ("ai.usage.cachedInputTokens", "tokens_cache_read", count),
        ("ai.usage.inputTokenDetails.cacheWriteTokens", "tokens_cache_write", count),
        ("ai.usage.outputTokenDetails.reasoningTokens", "tokens_reasoning", count),
        ("ai.usage.reasoningTokens", "tokens_reasoning", count),
        ("ai.response.providerMetadata", "usage_details", usage.provider_metadata),
        ("ai.telemetry.metadata.tags", "tags", tags),
    ),
    below=(("ai.telemetry.metadata", "metadata", entries),),
)
