"""Laminar's SDK over HTTP, with its own instrumentation of the openai package."""

import contextlib
import os
from urllib.parse import urlsplit

from emitters import story
from lmnr import Laminar, observe
from openai import OpenAI

address = urlsplit(os.environ["LMNR_BASE_URL"])
Laminar.initialize(
    base_url=f"{address.scheme}://{address.hostname}",
    base_http_url=f"{address.scheme}://{address.hostname}",
    http_port=address.port,
    force_http=True,
)


@observe(name=story.RETRIEVER)
def search_handbook(query: str) -> list[dict[str, object]]:
    return story.DOCUMENTS


@observe(name=story.TOOL, span_type="TOOL")
def look_up_order(order: str) -> dict[str, str]:
    return story.FOUND


@observe(name=story.FAILING, span_type="TOOL")
def charge_card(card: str) -> None:
    story.refuse()


@observe(
    name=story.AGENT,
    user_id=story.USER,
    session_id=story.SESSION,
    tags=[story.TAG],
    metadata=story.METADATA,
)
def support_agent(question: str) -> str:
    identifier = Laminar.get_trace_id()
    story.tell(trace_id=identifier.hex if identifier else None)
    search_handbook(query=story.QUERY)
    look_up_order(**story.ARGUMENTS)
    answer = story.ask(OpenAI())
    with contextlib.suppress(ValueError):
        charge_card(**story.CARD)
    return answer


support_agent(question=story.QUESTION)
Laminar.flush()
Laminar.shutdown()
