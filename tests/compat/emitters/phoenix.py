"""Phoenix's OpenTelemetry wrapper with OpenInference's instrumentation of the openai package.

With the argument `grpc` it speaks gRPC, which it does by itself when it is told no protocol.
"""

import contextlib
import json
import sys

from emitters import story
from openai import OpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from phoenix.otel import register

provider = register(
    project_name="helpdesk",
    protocol="grpc" if "grpc" in sys.argv else "http/protobuf",
    batch=True,
    verbose=False,
    auto_instrument=False,
)
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("helpdesk")

with (
    using_attributes(
        session_id=story.SESSION, user_id=story.USER, metadata=story.METADATA, tags=[story.TAG]
    ),
    tracer.start_as_current_span(story.AGENT, openinference_span_kind="agent") as root,
):
    root.set_input(story.QUESTION)
    with tracer.start_as_current_span(story.RETRIEVER, openinference_span_kind="retriever") as span:
        span.set_input(story.QUERY)
        for index, document in enumerate(story.DOCUMENTS):
            place = f"retrieval.documents.{index}.document"
            span.set_attribute(f"{place}.id", document["id"])
            span.set_attribute(f"{place}.content", document["text"])
            span.set_attribute(f"{place}.score", document["score"])
            span.set_attribute(f"{place}.metadata", json.dumps({"language": "en"}))
        span.set_status(trace.StatusCode.OK)

    @tracer.tool(name=story.TOOL, description="Looks an order up.")
    def look_up_order(order: str) -> dict[str, str]:
        return story.FOUND

    look_up_order(**story.ARGUMENTS)
    story.ask(OpenAI())

    @tracer.tool(name=story.FAILING)
    def charge_card(card: str) -> None:
        story.refuse()

    with contextlib.suppress(ValueError):
        charge_card(**story.CARD)
    root.set_output(story.ANSWER)
    root.set_status(trace.StatusCode.OK)

provider.shutdown()
story.tell(trace_id=trace.format_trace_id(root.get_span_context().trace_id))
