"""Opik's SDK: tracked functions, its openai wrapper, and a feedback score."""

import contextlib

import opik
from emitters import story
from openai import OpenAI
from opik import opik_context
from opik.integrations.openai import track_openai

openai = track_openai(OpenAI())


@opik.track(name=story.RETRIEVER)
def search_handbook(query: str) -> list[dict[str, object]]:
    return story.DOCUMENTS


@opik.track(name=story.TOOL, type="tool")
def look_up_order(order: str) -> dict[str, str]:
    return story.FOUND


@opik.track(name=story.FAILING, type="tool")
def charge_card(card: str) -> None:
    story.refuse()


@opik.track(name=story.AGENT)
def support_agent(question: str) -> str:
    opik_context.update_current_trace(
        tags=[story.TAG],
        thread_id=story.SESSION,
        metadata={"user_id": story.USER, **story.METADATA},
        feedback_scores=[{"name": "helpful", "value": 1.0, "reason": "short and right"}],
    )
    story.tell(trace_id=opik_context.get_current_trace_data().id)
    search_handbook(query=story.QUERY)
    look_up_order(**story.ARGUMENTS)
    answer = story.ask(openai)
    with contextlib.suppress(ValueError):
        charge_card(**story.CARD)
    return answer


support_agent(question=story.QUESTION)
opik.flush_tracker()
