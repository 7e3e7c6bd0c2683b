"""MLflow's tracing package with its instrumentation of the openai package."""

import contextlib

import mlflow
from emitters import story
from mlflow.entities import Document
from openai import OpenAI

mlflow.set_experiment("helpdesk")
mlflow.openai.autolog()


@mlflow.trace(name=story.RETRIEVER, span_type="RETRIEVER")
def search_handbook(query: str) -> list[Document]:
    return [
        Document(page_content=d["text"], id=d["id"], metadata={"score": d["score"]})
        for d in story.DOCUMENTS
    ]


@mlflow.trace(name=story.TOOL, span_type="TOOL")
def look_up_order(order: str) -> dict[str, str]:
    return story.FOUND


@mlflow.trace(name=story.FAILING, span_type="TOOL")
def charge_card(card: str) -> None:
    story.refuse()


@mlflow.trace(name=story.AGENT, span_type="AGENT")
def support_agent(question: str) -> str:
    mlflow.update_current_trace(
        user=story.USER, session_id=story.SESSION, metadata=story.METADATA, tags={story.TAG: "true"}
    )
    search_handbook(query=story.QUERY)
    look_up_order(**story.ARGUMENTS)
    answer = story.ask(OpenAI())
    with contextlib.suppress(ValueError):
        charge_card(**story.CARD)
    return answer


support_agent(question=story.QUESTION)
trace_id = mlflow.get_last_active_trace_id()
mlflow.log_feedback(trace_id=trace_id, name="helpful", value=1.0, rationale="short and right")
mlflow.flush_trace_async_logging()
story.tell(trace_id=trace_id)
