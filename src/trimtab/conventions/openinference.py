"""OpenInference (Phoenix, Arize AX and their instrumentations).

Lists are flattened into keys. Its instrumentations count cached tokens inside
`llm.token_count.prompt` for every provider, also for Anthropic.
"""

from trimtab.conventions import flattened, passages
from trimtab.conventions.convention import Convention
from trimtab.conventions.convert import count, entries, metadata, money, one_of, tags, text, value
from trimtab.conventions.providers import provider

KINDS = {
    "LLM": "llm",
    "CHAIN": "chain",
    "AGENT": "agent",
    "TOOL": "tool",
    "RETRIEVER": "retriever",
    "EMBEDDING": "embedding",
    "RERANKER": "reranker",
    "GUARDRAIL": "guard",
    "EVALUATOR": "scorer",
    "PROMPT": "other",
    "DECISION": "other",
}
_ASKED, _ANSWERED = flattened.conversation("user"), flattened.conversation("assistant")

CONVENTION = Convention(
    "openinference",
    attributes=(
        (
            "openinference.span.kind",
            "kind",
            one_of(KINDS | {k.lower(): v for k, v in KINDS.items()}),
        ),
        ("session.id", "session", text),
        ("user.id", "user", text),
        ("openinference.project.name", "service", text),
        ("llm.provider", "provider", provider),
        ("llm.system", "provider", provider),
        ("llm.response.model_name", "model", text),
        ("llm.model_name", "model", text),
        ("embedding.model_name", "model", text),
        ("reranker.model_name", "model", text),
        ("llm.request.model_name", "request_model", text),
        ("llm.input_messages", "input_messages", flattened.whole(_ASKED)),
        ("llm.output_messages", "output_messages", flattened.whole(_ANSWERED)),
        ("retrieval.documents", "output", flattened.whole(passages.flattened)),
        ("reranker.output_documents", "output", flattened.whole(passages.flattened)),
        ("input.value", "input", value),
        ("reranker.query", "input", text),
        ("output.value", "output", value),
        ("llm.token_count.prompt", "tokens_input", count),
        ("llm.token_count.completion", "tokens_output", count),
        ("llm.token_count.total", "tokens_total", count),
        ("llm.token_count.prompt_details.cache_read", "tokens_cache_read", count),
        ("llm.token_count.prompt_details.cache_input", "tokens_cache_read", count),
        ("llm.token_count.prompt_details.cache_write", "tokens_cache_write", count),
        ("llm.token_count.prompt_details.audio", "tokens_audio_input", count),
        ("llm.token_count.completion_details.reasoning", "tokens_reasoning", count),
        ("llm.token_count.completion_details.audio", "tokens_audio_output", count),
        ("llm.cost.total", "cost", money),
        ("llm.cost.prompt", "cost_input", money),
        ("llm.cost.completion", "cost_output", money),
        ("tag.tags", "tags", tags),
        ("metadata", "metadata", metadata),
    ),
    lists=(
        ("llm.input_messages", "input_messages", _ASKED),
        ("llm.output_messages", "output_messages", _ANSWERED),
        ("llm.prompts", "input_messages", flattened.texts("user")),
        ("llm.choices", "output_messages", flattened.texts("assistant")),
        ("retrieval.documents", "output", passages.flattened),
        ("reranker.output_documents", "output", passages.flattened),
        ("embedding.embeddings", "input", flattened.embedded),
    ),
    below=(("metadata", "metadata", entries),),
)
