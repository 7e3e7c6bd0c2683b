"""Langfuse's SDK version 2, which posts batches of create and update events, and its wrapper."""

import os

# The name under which this version knows the address; later ones know both.
os.environ.setdefault("LANGFUSE_HOST", os.environ.get("LANGFUSE_BASE_URL", ""))

from emitters import story
from langfuse import Langfuse
from langfuse.openai import OpenAI

client = Langfuse()
root = client.trace(
    name=story.AGENT,
    input={"question": story.QUESTION},
    user_id=story.USER,
    session_id=story.SESSION,
    tags=[story.TAG],
    metadata=story.METADATA,
)
span = root.span(name=story.RETRIEVER, input={"query": story.QUERY})
span.end(output=story.DOCUMENTS)
span = root.span(name=story.TOOL, input=story.ARGUMENTS)
span.end(output=story.FOUND)
OpenAI().chat.completions.create(
    model=story.MODEL,
    messages=story.MESSAGES,
    temperature=story.TEMPERATURE,
    name="answer",
    trace_id=root.id,
)
span = root.span(name=story.FAILING, input=story.CARD)
span.end(level="ERROR", status_message=story.REFUSAL)
root.event(name="answered")
root.update(output=story.ANSWER)
root.score(name="helpful", value=1.0, comment="short and right")

client.flush()
client.shutdown()
story.tell(trace_id=root.id)
