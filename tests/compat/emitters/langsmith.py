"""LangSmith's SDK: `traceable` functions, its openai wrapper, and feedback on the trace."""

import contextlib

from emitters import story
from langsmith import Client, get_current_run_tree, traceable
from langsmith.wrappers import wrap_openai
from openai import OpenAI

client = Client()
openai = wrap_openai(OpenAI())


@traceable(run_type="retriever", name=story.RETRIEVER, client=client)
def search_handbook(query: str) -> list[dict[str, object]]:
    return [
        {
            "page_content": document["text"],
            "type": "Document",
            "metadata": {"id": document["id"], "score": document["score"]},
        }
        for document in story.DOCUMENTS
    ]


@traceable(run_type="tool", name=story.TOOL, client=client)
def look_up_order(order: str) -> dict[str, str]:
    return story.FOUND


@traceable(run_type="tool", name=story.FAILING, client=client)
def charge_card(card: str) -> None:
    story.refuse()


@traceable(
    run_type="chain",
    name=story.AGENT,
    client=client,
    tags=[story.TAG],
    metadata={"user_id": story.USER, "session_id": story.SESSION, **story.METADATA},
)
def support_agent(question: str) -> str:
    run = get_current_run_tree()
    story.tell(trace_id=str(run.trace_id), run_id=str(run.id))
    search_handbook(query=story.QUERY)
    look_up_order(**story.ARGUMENTS)
    answer = story.ask(openai)
    with contextlib.suppress(ValueError):
        charge_card(**story.CARD)
    client.create_feedback(
        run_id=run.id, trace_id=run.trace_id, key="helpful", score=1.0, comment="short and right"
    )
    return answer


support_agent(question=story.QUESTION)
client.flush()
