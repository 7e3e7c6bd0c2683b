"""OpenTelemetry's own SDK and exporter, with the attributes that a convention asks for by hand.

The argument is the convention: `indexed` (OpenLLMetry as it was: `gen_ai.prompt.N`), `events`
(messages as events of the span), `messages` (JSON in `gen_ai.input.messages`); or `official` and
`logs`, for which OpenTelemetry's own instrumentation of the openai package says it, the new one in
attributes and the old one, whose messages are log records.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator

from emitters import story
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind

provider = TracerProvider(
    resource=Resource.create({"service.name": "helpdesk", "deployment.environment.name": "test"})
)
if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("helpdesk", "1.0")

WHO = {"user.id": story.USER, "session.id": story.SESSION, "gen_ai.conversation.id": story.SESSION}


@contextlib.contextmanager
def operation(name: str, does: str, **attributes: str) -> Iterator[Span]:
    """A span of the newer conventions: `gen_ai.operation.name` says its kind."""
    said = {key.replace("__", "."): value for key, value in attributes.items()}
    with tracer.start_as_current_span(
        name, attributes={"gen_ai.operation.name": does, **said}
    ) as span:
        yield span


def chat(tell_messages: Callable[[Span], None], **usage: int) -> None:
    """The model call; how its messages are told is the caller's convention."""
    request = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.system": "openai",
        "gen_ai.request.model": story.MODEL,
        "gen_ai.request.temperature": story.TEMPERATURE,
    }
    with tracer.start_as_current_span(
        f"chat {story.MODEL}", kind=SpanKind.CLIENT, attributes=request
    ) as span:
        tell_messages(span)
        span.set_attribute("gen_ai.response.model", story.MODEL)
        span.set_attribute("gen_ai.response.id", "chatcmpl-1")
        span.set_attribute("gen_ai.response.finish_reasons", ["stop"])
        for key, tokens in usage.items():
            span.set_attribute(key.replace("__", "."), tokens)


def indexed(span: Span) -> None:
    for index, message in enumerate(story.MESSAGES):
        for key, value in message.items():
            span.set_attribute(f"gen_ai.prompt.{index}.{key}", value)
    span.set_attribute("gen_ai.completion.0.role", "assistant")
    span.set_attribute("gen_ai.completion.0.content", story.ANSWER)
    span.set_attribute("gen_ai.completion.0.finish_reason", "stop")


def events(span: Span) -> None:
    for message in story.MESSAGES:
        body = {"gen_ai.system": "openai", "content": message["content"]}
        span.add_event(f"gen_ai.{message['role']}.message", body)
    answer = {"role": "assistant", "content": story.ANSWER}
    choice = {"index": 0, "finish_reason": "stop", "message": json.dumps(answer)}
    span.add_event("gen_ai.choice", {"gen_ai.system": "openai", **choice})


def messages(span: Span) -> None:
    parts = [{"type": "text", "content": story.QUESTION}]
    answer = {"role": "assistant", "parts": [{"type": "text", "content": story.ANSWER}]}
    span.set_attribute("gen_ai.input.messages", json.dumps([{"role": "user", "parts": parts}]))
    span.set_attribute("gen_ai.output.messages", json.dumps([{**answer, "finish_reason": "stop"}]))
    system = [{"type": "text", "content": story.SYSTEM}]
    span.set_attribute("gen_ai.system_instructions", json.dumps(system))


def tell_old() -> str:
    """The story as OpenLLMetry wrote it before there was a convention."""
    association = {
        "traceloop.association.properties.user_id": story.USER,
        "traceloop.association.properties.session_id": story.SESSION,
        "traceloop.association.properties.tenant": story.METADATA["tenant"],
    }

    @contextlib.contextmanager
    def entity(name: str, kind: str, given: object) -> Iterator[Span]:
        attributes = {
            **association,
            "traceloop.span.kind": kind,
            "traceloop.entity.name": name,
            "traceloop.entity.input": json.dumps(given),
        }
        with tracer.start_as_current_span(f"{name}.{kind}", attributes=attributes) as span:
            yield span

    with entity(story.AGENT, "agent", {"question": story.QUESTION}) as root:
        with entity(story.RETRIEVER, "task", {"query": story.QUERY}) as span:
            span.set_attribute("traceloop.entity.output", json.dumps(story.DOCUMENTS))
        with entity(story.TOOL, "tool", story.ARGUMENTS) as span:
            span.set_attribute("traceloop.entity.output", json.dumps(story.FOUND))
        chat(
            indexed,
            gen_ai__usage__prompt_tokens=story.INPUT_TOKENS,
            gen_ai__usage__completion_tokens=story.OUTPUT_TOKENS,
            gen_ai__usage__cache_read_input_tokens=story.CACHED_TOKENS,
            gen_ai__usage__reasoning_tokens=story.REASONING_TOKENS,
            llm__usage__total_tokens=story.INPUT_TOKENS + story.OUTPUT_TOKENS,
        )
        with contextlib.suppress(ValueError), entity(story.FAILING, "tool", story.CARD):
            story.refuse()
        root.set_attribute("traceloop.entity.output", json.dumps(story.ANSWER))
        return trace.format_trace_id(root.get_span_context().trace_id)


def tell_new(convention: str) -> str:
    """The story in OpenTelemetry's conventions for generative AI."""
    given = {
        **WHO,
        "gen_ai.agent.name": story.AGENT,
        "tenant": story.METADATA["tenant"],
        "input.value": story.QUESTION,
        "output.value": story.ANSWER,
    }
    with operation(f"invoke_agent {story.AGENT}", "invoke_agent") as root:
        root.set_attributes(given)
        root.set_attribute("tags", [story.TAG])
        with operation(
            f"retrieval {story.RETRIEVER}",
            "retrieval",
            gen_ai__retrieval__query__text=story.QUERY,
            gen_ai__retrieval__documents=json.dumps(story.DOCUMENTS),
        ):
            pass
        with operation(
            f"execute_tool {story.TOOL}",
            "execute_tool",
            gen_ai__tool__name=story.TOOL,
            gen_ai__tool__call__arguments=json.dumps(story.ARGUMENTS),
            gen_ai__tool__call__result=json.dumps(story.FOUND),
        ):
            pass
        if convention in ("official", "logs"):
            instrumented(convention)
        else:
            chat(
                {"events": events, "messages": messages}[convention],
                gen_ai__usage__input_tokens=story.INPUT_TOKENS,
                gen_ai__usage__output_tokens=story.OUTPUT_TOKENS,
                gen_ai__usage__cache_read__input_tokens=story.CACHED_TOKENS,
                gen_ai__usage__reasoning__output_tokens=story.REASONING_TOKENS,
            )
        with (
            contextlib.suppress(ValueError),
            operation(
                f"execute_tool {story.FAILING}",
                "execute_tool",
                gen_ai__tool__name=story.FAILING,
                gen_ai__tool__call__arguments=json.dumps(story.CARD),
            ),
        ):
            story.refuse()
        return trace.format_trace_id(root.get_span_context().trace_id)


def instrumented(convention: str) -> None:
    """The model call through OpenTelemetry's own instrumentation."""
    from openai import OpenAI
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    if convention == "official":
        from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
    else:
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    logs = LoggerProvider(resource=provider.resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    OpenAIInstrumentor().instrument(logger_provider=logs)
    story.ask(OpenAI())
    logs.shutdown()


convention = sys.argv[1]
trace_id = tell_old() if convention == "indexed" else tell_new(convention)
provider.shutdown()
story.tell(trace_id=trace_id)
