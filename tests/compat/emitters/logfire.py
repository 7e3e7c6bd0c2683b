"""Logfire's SDK with its instrumentation of the openai package."""

import contextlib

import logfire
from emitters import story
from openai import OpenAI
from opentelemetry import trace

logfire.configure(service_name="helpdesk", console=False, inspect_arguments=False)
logfire.instrument_openai()

# The SDK blanks values whose key says "session", so the session goes by its other name.
WHO = {"user.id": story.USER, "gen_ai.conversation.id": story.SESSION}

with (
    logfire.set_baggage(**WHO),
    logfire.span(story.AGENT, _tags=[story.TAG], question=story.QUESTION, **story.METADATA) as root,
):
    with logfire.span(story.RETRIEVER, query=story.QUERY) as span:
        span.set_attribute("documents", story.DOCUMENTS)
    with logfire.span(story.TOOL, **story.ARGUMENTS) as span:
        span.set_attribute("found", story.FOUND)
    root.set_attribute("answer", story.ask(OpenAI()))
    with contextlib.suppress(ValueError), logfire.span(story.FAILING, **story.CARD):
        story.refuse()
    trace_id = trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)

logfire.shutdown()
story.tell(trace_id=trace_id)
