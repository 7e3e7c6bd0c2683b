"""Asking models: one completion, or several side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trimtab.client.api import Api
from trimtab.client.connection import header
from trimtab.kit import jsonx, sse


class Asking(Api):
    """What models and releases answer."""

    def chat(
        self,
        model: str,
        messages: str | list[dict[str, Any]],
        *,
        user: str | None = None,
        session: str | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """One chat completion.

        Args:
            model: a route, `route@version`, or `provider/model`.
            messages: the conversation, or the text of one user message.
            **fields: any other field of the OpenAI request.
        Returns:
            The completion as the server sent it, with `trace_id` and `release` added.
        """
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        context = {"user": user, "session": session}
        answered = self._send(
            "POST",
            self._target("/v1/chat/completions"),
            {"model": model, "messages": messages, **fields},
            {
                f"x-trimtab-{name}": header(value, where=name)
                for name, value in context.items()
                if value
            },
        )
        answer: dict[str, Any] = self._value(answered)
        answer["trace_id"] = answered.headers.get("x-trimtab-trace-id")
        answer["release"] = answered.headers.get("x-trimtab-release")
        return answer

    def play(self, columns: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Ask columns side by side: events by name, as they come; to stop reading cancels them.

        Args:
            columns: each with a `model` and a `prompt`, a `draft` or `messages`.
        """
        decoder = sse.Decoder()
        body = {"columns": list(columns)}
        for chunk in self.stream("/api/v1/playground/streams", body=body):
            for event in decoder.feed(chunk):
                if event.data is not None:
                    yield event.name, jsonx.decode(event.data.encode())
