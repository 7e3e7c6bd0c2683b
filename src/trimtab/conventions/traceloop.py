"""OpenLLMetry (traceloop.*, older llm.*), beside gen_ai.* for the call itself."""

from trimtab.conventions import flattened
from trimtab.conventions.convention import Convention
from trimtab.conventions.convert import count, dumped, entries, entry, one_of, tags, text

KINDS = {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}
REQUESTS = {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"}

CONVENTION = Convention(
    "traceloop",
    attributes=(
        ("traceloop.span.kind", "kind", one_of(KINDS)),
        ("llm.request.type", "kind", one_of(REQUESTS)),
        ("traceloop.association.properties.session_id", "session", text),
        ("traceloop.association.properties.sessionId", "session", text),
        ("traceloop.association.properties.thread_id", "session", text),
        ("traceloop.association.properties.chat_id", "session", text),
        ("traceloop.association.properties.user_id", "user", text),
        ("traceloop.association.properties.userId", "user", text),
        ("llm.user", "user", text),
        ("traceloop.association.properties.environment", "environment", text),
        ("traceloop.prompt.key", "prompt_name", text),
        ("traceloop.prompt.version", "prompt_version", text),
        ("traceloop.entity.input", "input", dumped),
        ("traceloop.entity.output", "output", dumped),
        ("llm.response.model", "model", text),
        ("llm.request.model", "request_model", text),
        ("llm.usage.prompt_tokens", "tokens_input", count),
        ("llm.usage.completion_tokens", "tokens_output", count),
        ("llm.usage.total_tokens", "tokens_total", count),
        ("llm.usage.reasoning_tokens", "tokens_reasoning", count),
        ("llm.usage.cache_read_input_tokens", "tokens_cache_read", count),
        ("llm.usage.cache_creation_input_tokens", "tokens_cache_write", count),
        ("traceloop.association.properties.tags", "tags", tags),
        ("traceloop.workflow.name", "metadata", entry("workflow", text)),
    ),
    lists=(("llm.completions", "output_messages", flattened.conversation("assistant")),),
    below=(("traceloop.association.properties", "metadata", entries),),
)
