"""A judge that answers at once: OpenAI's chat completions over loopback, in a process of its own.

    python bench/evals/judge.py [DELAY_S]

Prints its port. What is asked for by a schema or as a tool call is made up to fit; what is asked
for in words gets JSON with every name that some tool looks for, or `GRADE: C`. Every case is good.
A question that holds the word `Unparsed` gets prose that is no judgement, one that holds `Cut`
what it wants cut off in the middle. `GET /calls` tells how many questions came, `GET /cpu` the
seconds of CPU used.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import sys
import time
from typing import Any

PROSE = "Well, that depends on how one looks at it."
WORDS = json.dumps({"reason": "fine", "verdict": 1, "pass": True, "score": 10})
USAGE = {"prompt_tokens": 200, "completion_tokens": 20, "total_tokens": 220}
GOOD = ("C", "correct", "yes", "CORRECT", "Y")


def answer(body: bytes) -> bytes:
    """The completion for a request."""
    asked: dict[str, Any] = json.loads(body)
    message: dict[str, Any] = {"role": "assistant", "content": None}
    finish = "stop"
    if b"Unparsed" in body:
        message["content"] = PROSE
    elif asked.get("tools"):
        tool = asked["tools"][0]["function"]
        arguments = cut(json.dumps(filled(tool["parameters"], tool["parameters"])), body)
        message["tool_calls"] = [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": tool["name"], "arguments": arguments},
            }
        ]
        finish = "tool_calls"
    else:
        message["content"] = cut(said(asked, body), body)
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": asked.get("model", "judge"),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": USAGE,
    }
    return json.dumps(completion).encode()


def said(asked: dict[str, Any], body: bytes) -> str:
    wanted = (asked.get("response_format") or {}).get("json_schema")
    if wanted is not None:
        return json.dumps(filled(wanted["schema"], wanted["schema"]))
    return "Fine.\nGRADE: C" if b"GRADE" in body else WORDS


def cut(text: str, body: bytes) -> str:
    """The first part of a text, where the question asks for that."""
    return text[: min(len(text) // 2, 14)] if b"Cut" in body else text


def filled(schema: dict[str, Any], root: dict[str, Any], name: str = "") -> Any:
    """A value that fits a schema, and says that the case is good."""
    if "$ref" in schema:
        place: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            place = place[part]
        return filled(place, root, name)
    for choices in ("anyOf", "oneOf"):
        if choices in schema:
            return filled(schema[choices][0], root, name)
    if "enum" in schema:
        found = schema["enum"]
        return next((good for good in GOOD if good in found), found[0])
    kind = schema.get("type", "object")
    if kind == "object":
        fields = schema.get("properties", {})
        return {field: filled(fields[field], root, field) for field in fields}
    if kind == "array":
        count = schema.get("minItems", 1)
        return [filled(schema.get("items", {"type": "string"}), root, name) for _ in range(count)]
    if kind in ("number", "integer"):
        return min(10 if name == "score" else 1, schema.get("maximum", 10))
    return {"boolean": True, "string": "fine", "null": None}[kind]


class Connection(asyncio.Protocol):
    """HTTP/1.1 as the clients of these tools speak it: Content-Length, kept alive."""

    calls = 0
    delay_s = 0.0

    def __init__(self) -> None:
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            whole = end + 4 + size
            if len(self.received) < whole:
                return
            body, self.received = self.received[end + 4 : whole], self.received[whole:]
            self.reply(head, body)

    def reply(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get /calls"):
            self.send(str(Connection.calls).encode())
        elif head.startswith(b"get /cpu"):
            self.send(str(time.process_time()).encode())
        elif not head.split(b" ", 2)[1].endswith(b"/chat/completions"):
            self.send(b'{"error": {"message": "no such path"}}', "404 Not Found")
        else:
            Connection.calls += 1
            made = answer(body)
            if self.delay_s:
                asyncio.get_running_loop().call_later(self.delay_s, self.send, made)
            else:
                self.send(made)

    def send(self, body: bytes, status: str = "200 OK") -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)


async def main() -> None:
    Connection.delay_s = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def precise_loop() -> asyncio.AbstractEventLoop:
    """A loop that wakes to the tenth of a millisecond; by epoll a delay ends on a whole one."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(main())
