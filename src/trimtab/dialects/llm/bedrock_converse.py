"""Amazon Bedrock's Converse: asked in by Trimtab, for every model that Bedrock serves."""

from __future__ import annotations

from trimtab.dialects.llm import bedrock_question
from trimtab.dialects.llm.bedrock_answer import ConverseReader
from trimtab.dialects.llm.dialect import Reader
from trimtab.dialects.llm.question import Asked, Question
from trimtab.dialects.llm.target import Target
from trimtab.errors import TrimtabError
from trimtab.kit import jsonx, sse

# Exceptions of ConverseStream by HTTP status.
_EXCEPTIONS = {400: "validationException", 429: "throttlingException"}


class BedrockConverse(Target):
    name = "bedrock.converse"

    def reader(self) -> Reader:
        return ConverseReader()

    def ask(self, question: Question, *, model: str) -> Asked:
        return bedrock_question.ask(question, model=model)

    def error(self, error: TrimtabError) -> bytes:
        return jsonx.encode({"message": str(error)})

    def error_event(self, error: TrimtabError) -> bytes:
        unavailable = "serviceUnavailableException"
        name = _EXCEPTIONS.get(error.status, unavailable)
        return sse.encode(self.error(error), name=name)


BEDROCK_CONVERSE = BedrockConverse()
