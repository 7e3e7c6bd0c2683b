"""Gemini's generateContent: asked in by Trimtab, at Google's API and on Vertex AI alike."""

from __future__ import annotations

from trimtab.dialects.llm import gemini_question
from trimtab.dialects.llm.dialect import Reader
from trimtab.dialects.llm.gemini_answer import GeminiReader
from trimtab.dialects.llm.question import Asked, Question
from trimtab.dialects.llm.target import Target
from trimtab.errors import TrimtabError
from trimtab.kit import jsonx, sse

# google.rpc.Code by HTTP status (github.com/googleapis/googleapis, google/rpc/code.proto).
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Gemini(Target):
    name = "gemini.generate"

    def reader(self) -> Reader:
        return GeminiReader()

    def ask(self, question: Question, *, model: str) -> Asked:
        return gemini_question.ask(question, model=model)

    def error(self, error: TrimtabError) -> bytes:
        status = _CODES.get(error.status, "INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT")
        said = {"code": error.status, "message": str(error), "status": status}
        return jsonx.encode({"error": said})

    def error_event(self, error: TrimtabError) -> bytes:
        return sse.encode(self.error(error))


GEMINI_GENERATE = Gemini()
