"""The story every emitter tells its SDK, in constants; and how it says which trace it made.

An agent answers a question about refunds: it looks for documents, looks an order up, asks a model,
and fails to charge a card, which it survives.
"""

import json
import sys
from typing import Any, Never

AGENT = "support-agent"
QUESTION = "How long may I return a kettle?"
ANSWER = "You may return it within 30 days."

USER = "u7"
SESSION = "s42"
TAG = "demo"
METADATA = {"tenant": "acme"}

RETRIEVER = "search-handbook"
QUERY = "return period kettle"
DOCUMENTS = [
    {"id": "refunds.md#1", "text": "Goods may be returned within 30 days.", "score": 0.92},
    {"id": "kettles.md#4", "text": "A kettle comes with a lid.", "score": 0.31},
]

TOOL = "look-up-order"
ARGUMENTS = {"order": "A-17"}
FOUND = {"order": "A-17", "state": "delivered"}

MODEL = "gpt-4o-mini"
SYSTEM = "Answer from the handbook in one sentence."
MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
TEMPERATURE = 0.2
INPUT_TOKENS = 120
CACHED_TOKENS = 20
OUTPUT_TOKENS = 30
REASONING_TOKENS = 10

FAILING = "charge-card"
CARD = {"card": "1881"}
REFUSAL = "the card was declined"


def ask(client: Any) -> str:
    """The one model call, through an OpenAI client, which an SDK may have instrumented."""
    completion = client.chat.completions.create(
        model=MODEL, messages=MESSAGES, temperature=TEMPERATURE
    )
    return str(completion.choices[0].message.content)


def refuse() -> Never:
    """What goes wrong."""
    raise ValueError(REFUSAL)


def tell(**ids: str | None) -> None:
    """Say on standard output which ids the SDK gave to what was emitted."""
    sys.stdout.write(json.dumps(ids) + "\n")
