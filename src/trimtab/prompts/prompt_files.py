"""Prompts as files: settings in YAML at the top, then the messages under headings.

    ---
    folder: support
    variables:
      tone: {type: string, default: kind}
    parameters: {temperature: 0.2}
    ---

    ## system

    You answer customers in a {{ tone }} way.

    ## user

    {{ question }}

What a prompt says comes back byte for byte. A line of a message that looks like a heading gets a
backslash before it; a message that begins or ends with empty lines makes its file `exact`, in which
a message is all that stands between two headings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.prompts.front_matter import read_front, written_front
from trimtab.prompts.prompt_file import SUFFIX, PromptFile, file_name, name_of, of_prompt
from trimtab.prompts.write import Draft
from trimtab.records import Message

__all__ = ["SUFFIX", "PromptFile", "file_name", "of_prompt", "read", "written"]

_ROLES = "system|developer|user|assistant|tool"
_HEADING = re.compile(rf"^## ({_ROLES})( \(json\))?[ \t]*$", re.MULTILINE)
_LIKE_HEADING = re.compile(rf"^(\\*)(## (?:{_ROLES})(?: \(json\))?[ \t]*)$", re.MULTILINE)
_ESCAPED = re.compile(rf"^\\(\\*## (?:{_ROLES})(?: \(json\))?[ \t]*)$", re.MULTILINE)


# -- writing -------------------------------------------------------------------------------------


def written(file: PromptFile, folder: str = "") -> str:
    """The text of a file; `read` makes the same of it again.

    Args:
        folder: that of the directory which the file is in, and need not say.
    """
    messages = file.draft.messages
    exact = any(_is_text(one) and _has_edges(str(one.content)) for one in messages)
    front = written_front(file, exact=exact, folder=folder)
    head = f"---\n{front}---\n\n" if front else ""
    gap = "\n" if exact else "\n\n"
    return head + gap.join(_section(one, exact=exact) for one in messages) + "\n"


def _is_text(message: Message) -> bool:
    return isinstance(message.content, str) and not (
        message.name or message.tool_calls or message.tool_call_id
    )


def _has_edges(text: str) -> bool:
    return not text or text.strip("\n") != text or "\r" in text


def _section(message: Message, *, exact: bool) -> str:
    gap = "\n" if exact else "\n\n"
    if _is_text(message):
        escaped = _LIKE_HEADING.sub(r"\\\1\2", str(message.content))
        return f"## {message.role}{gap}{escaped}"
    body = msgspec.json.format(jsonx.encode(message), indent=2).decode()
    return f"## {message.role} (json){gap}{body}"


# -- reading -------------------------------------------------------------------------------------


def read(text: str, path: str, folder: str = "") -> PromptFile:
    """What a file says.

    Args:
        path: where it is; the prompt is called as the file, unless the file says another name.
        folder: that of the directory which the file is in, unless the file says another one.
    Raises:
        InvalidRequest: it is not written as a prompt; `where` is the path and the line.
    """
    text = text.removeprefix("\ufeff")
    if not re.match(r"---[ \t]*\n", text):
        text = text.replace("\r\n", "\n")
    head, body, line = _parts(text, path)
    front = read_front(head, path)
    if not front.exact:
        body = body.replace("\r\n", "\n")
    name = front.name if front.name is not None else name_of(path)
    draft = Draft(
        name=name,
        messages=tuple(_messages(body, front.exact, path, line)),
        syntax=front.syntax,
        declared=front.declared,
        shots=front.shown,
        parameters=front.parameters,
        tools=front.tools,
        output_schema=front.output_schema,
        labels=front.labels,
    )
    return PromptFile(
        draft=draft,
        folder=folder if front.folder is None else front.folder,
        tags=front.tags,
        description=front.description,
    )


def _parts(text: str, path: str) -> tuple[str, str, int]:
    """The settings, the messages, and the line that these begin in."""
    opened = re.match(r"---[ \t]*\r?\n", text)
    if opened is None:
        return "", text, 1
    closed = re.compile(r"^---[ \t]*\r?$\n?", re.MULTILINE).search(text, opened.end())
    if closed is None:
        raise InvalidRequest(
            "the settings at the top do not end", where=f"{path}, line 1", fix="end them with ---"
        )
    head = text[opened.end() : closed.start()].replace("\r\n", "\n")
    return head, text[closed.end() :], text.count("\n", 0, closed.end()) + 1


def _messages(body: str, exact: bool, path: str, line: int) -> Iterator[Message]:
    headings = list(_HEADING.finditer(body))
    before = body[: headings[0].start()] if headings else ""
    if before.strip():
        raise InvalidRequest(
            "there is text before the first heading",
            where=f"{path}, line {line}",
            fix="write it below `## system` or another role",
        )
    if not headings and body.strip():
        yield Message(role="system", content=_content(body, exact=False))
    if not headings:
        return
    ends = [one.start() for one in headings[1:]] + [len(body)]
    for heading, end in zip(headings, ends, strict=True):
        inside = body[heading.end() : end]
        if exact:
            inside = inside.removeprefix("\n").removesuffix("\n")
        if heading[2]:
            where = f"{path}, line {line + body.count(chr(10), 0, heading.start())}"
            yield _of_json(inside, heading[1], where)
        else:
            yield Message(role=heading[1], content=_content(inside, exact=exact))


def _content(text: str, *, exact: bool) -> str:
    return _ESCAPED.sub(r"\1", text if exact else text.strip("\n"))


def _of_json(text: str, role: str, where: str) -> Message:
    message = jsonx.decode(text.strip().encode(), Message, what=where)
    if message.role != role:
        raise InvalidRequest(
            f"the message is of {message.role!r} below the heading of {role!r}",
            where=where,
            fix="make them the same",
        )
    return message
