"""LangSmith's OpenTelemetry exporter (langsmith.*), beside gen_ai.* for the call itself.

`langsmith.trace.session_name` is what LangSmith calls a project, and `session_id` that project's
id: neither is a conversation, which its threads are (`session_id` or `thread_id` in the metadata).
The bodies in `gen_ai.prompt` and `gen_ai.completion` are the run's inputs and outputs, as JSON.
"""

from trimtab.conventions import usage
from trimtab.conventions.convention import Convention
from trimtab.conventions.convert import entries, one_of, tags, text

RUN_TYPES = {
    "llm": "llm",
    "chain": "chain",
    "tool": "tool",
    "retriever": "retriever",
    "embedding": "embedding",
    "prompt": "other",
    "parser": "other",
}

CONVENTION = Convention(
    "langsmith",
    attributes=(
        ("langsmith.span.kind", "kind", one_of(RUN_TYPES)),
        ("langsmith.metadata.session_id", "session", text),
        ("langsmith.metadata.thread_id", "session", text),
        ("langsmith.metadata.conversation_id", "session", text),
        ("langsmith.metadata.user_id", "user", text),
        ("langsmith.trace.session_name", "service", text),
        ("langsmith.metadata.ls_model_name", "request_model", text),
        ("langsmith.usage_metadata", "usage", usage.langchain),
        ("langsmith.span.tags", "tags", tags),
    ),
    below=(("langsmith.metadata", "metadata", entries),),
)
