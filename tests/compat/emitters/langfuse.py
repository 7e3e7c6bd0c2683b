"""Langfuse's SDK since version 3, on OpenTelemetry, with its openai wrapper and a score."""

import contextlib

from emitters import story
from langfuse import get_client, propagate_attributes
from langfuse.openai import OpenAI

client = get_client()
with (
    client.start_as_current_observation(
        name=story.AGENT, as_type="agent", input={"question": story.QUESTION}
    ) as root,
    propagate_attributes(
        user_id=story.USER, session_id=story.SESSION, tags=[story.TAG], metadata=story.METADATA
    ),
):
    with client.start_as_current_observation(
        name=story.RETRIEVER, as_type="retriever", input={"query": story.QUERY}
    ) as span:
        span.update(output=story.DOCUMENTS)
    with client.start_as_current_observation(
        name=story.TOOL, as_type="tool", input=story.ARGUMENTS
    ) as span:
        span.update(output=story.FOUND)
    story.ask(OpenAI())
    with (
        contextlib.suppress(ValueError),
        client.start_as_current_observation(
            name=story.FAILING, as_type="tool", input=story.CARD
        ) as span,
    ):
        story.refuse()
    root.update(output=story.ANSWER)
    root.score_trace(name="helpful", value=1.0, comment="short and right")

client.flush()
client.shutdown()
story.tell(trace_id=root.trace_id)
