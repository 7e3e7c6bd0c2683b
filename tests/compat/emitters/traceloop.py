"""OpenLLMetry's SDK, which instruments the openai package by itself."""

import contextlib

from emitters import story
from openai import OpenAI
from opentelemetry import trace
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import agent, task, tool

Traceloop.init(app_name="helpdesk", disable_batch=False, telemetry_enabled=False)
Traceloop.set_association_properties(
    {"user_id": story.USER, "session_id": story.SESSION, **story.METADATA}
)


@task(name=story.RETRIEVER)
def search_handbook(query: str) -> list[dict[str, object]]:
    return story.DOCUMENTS


@tool(name=story.TOOL)
def look_up_order(order: str) -> dict[str, str]:
    return story.FOUND


@tool(name=story.FAILING)
def charge_card(card: str) -> None:
    story.refuse()


@agent(name=story.AGENT)
def support_agent(question: str) -> str:
    story.tell(trace_id=trace.format_trace_id(trace.get_current_span().get_span_context().trace_id))
    search_handbook(query=story.QUERY)
    look_up_order(**story.ARGUMENTS)
    answer = story.ask(OpenAI())
    with contextlib.suppress(ValueError):
        charge_card(**story.CARD)
    return answer


support_agent(question=story.QUESTION)
trace.get_tracer_provider().shutdown()
