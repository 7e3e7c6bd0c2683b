"""Prompt: a versioned template of messages, and what the registry keeps of its name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from trimtab.kit.hashing import digest
from trimtab.records.message import Message
from trimtab.records.record import Record

VariableType = Literal["string", "number", "integer", "boolean", "array", "object"]
Syntax = Literal["jinja", "mustache"]


class Variable(Record, frozen=True, kw_only=True):
    """A variable that a prompt declares; the types are those of JSON Schema.

    One that is not `required` has `default` where a request does not bring it.
    """

    name: str
    type: VariableType = "string"
    required: bool = True
    default: Any = None
    description: str = ""


class Shot(Record, frozen=True, kw_only=True):
    """One example of the task in a prompt: variables of the question, and the answer to it."""

    variables: dict[str, Any]
    answer: str


class Shots(Record, frozen=True, kw_only=True):
    """Examples that are shown as turns of a conversation, after the opening system messages.

    They are `examples`, or rows of `dataset` (`name@version`). `nearest` takes the `k` whose
    variable `by` is most like the one asked about (cosine of static embeddings), the most like
    last; `first` takes the first `k`. `question` is the template of the user's turn.
    """

    examples: tuple[Shot, ...] = ()
    dataset: str | None = None
    k: Annotated[int, Meta(ge=1, le=100)] = 4
    choose: Literal["first", "nearest"] = "first"
    by: str = "question"
    question: str = "{{ question }}"


class Partial(Record, frozen=True, kw_only=True):
    """Another prompt whose text a template takes in: `{% include "name" %}`, `{{> name}}`.

    `ref` is the version that it was pinned to when the prompt was written.
    """

    name: str
    ref: str
    digest: str


class Prompt(Record, frozen=True, kw_only=True):
    """One immutable version of a template of messages (Jinja, sandboxed, or mustache).

    `variables` are the names that its templates use, `declared` what is known of them.
    `parameters` are sampling parameters that go with the words; they and `tools` are in the shape
    of OpenAI's chat completions. `output_schema` is a JSON schema, or a whole `response_format` of
    the type `json_schema`. `labels` are those that point to this version at the moment of reading.
    """

    name: str
    version: int
    project: str = "default"
    messages: tuple[Message, ...]
    syntax: Syntax = "jinja"
    variables: tuple[str, ...] = ()
    declared: tuple[Variable, ...] = ()
    shots: Shots | None = None
    partials: tuple[Partial, ...] = ()
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] = ()
    output_schema: dict[str, Any] | None = None
    labels: tuple[str, ...] = ()
    note: str = ""
    author: str | None = None
    digest: str
    created_ns: int

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"


class PromptEntry(Record, frozen=True, kw_only=True):
    """What the registry keeps of a prompt's name, whatever its versions say.

    `folder` is a path such as `support/mail`, "" at the top. `labels` point to versions. An
    archived prompt is not listed, and answers as before.
    """

    name: str
    project: str = "default"
    latest: int
    folder: str = ""
    tags: tuple[str, ...] = ()
    labels: dict[str, int] = {}
    description: str = ""
    archived: bool = False


class PromptBundle(Record, frozen=True, kw_only=True):
    """A version with all that rendering it needs: the prompts it takes in, theirs included, and
    the examples that its shots choose among."""

    prompt: Prompt
    partials: tuple[Prompt, ...] = ()
    shots: tuple[Shot, ...] = ()


def prompt_digest(
    messages: tuple[Message, ...],
    parameters: dict[str, Any],
    tools: tuple[dict[str, Any], ...] = (),
    output_schema: dict[str, Any] | None = None,
    *,
    syntax: Syntax = "jinja",
    declared: tuple[Variable, ...] = (),
    shots: Shots | None = None,
    partials: tuple[Partial, ...] = (),
) -> str:
    """Hash of everything that can change an answer; labels, notes and dates cannot.

    What a prompt does not use is left out, so that a prompt hashes as it did before there was any.
    """
    content: list[Any] = [messages, parameters, tools, output_schema]
    more = {
        "syntax": syntax if syntax != "jinja" else None,
        "declared": declared or None,
        "shots": shots,
        "partials": [(one.name, one.digest) for one in partials] or None,
    }
    used = {name: value for name, value in more.items() if value is not None}
    return digest([*content, used] if used else content)
