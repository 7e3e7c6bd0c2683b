"""Writing a prompt: checked, pinned to what it takes in, hashed, stored as the next version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trimtab.dialects.llm import openai_chat
from trimtab.errors import InvalidRequest, NotFound
from trimtab.ports import Clock, DatasetStore, PromptStore
from trimtab.prompts.template import CompiledPrompt, needs, partial_text
from trimtab.prompts.values import fits
from trimtab.records import Message, Partial, Prompt, Shots, Variable
from trimtab.records.prompt import Syntax, prompt_digest

if TYPE_CHECKING:
    from trimtab.signals.secrets.places import Secret

_FILLED_IN = ("passages", "question")  # by the gateway, whatever a request brings
_WAY = (
    "send allow_secrets true (`trimtab prompts push --allow-secrets`), which is written into the"
    " audit"
)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a version that is to be written; `partials` are found in the templates."""

    name: str
    messages: tuple[Message, ...]
    syntax: Syntax = "jinja"
    declared: tuple[Variable, ...] = ()
    shots: Shots | None = None
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] = ()
    output_schema: dict[str, Any] | None = None
    labels: tuple[str, ...] = ()
    note: str = ""


class Writer:
    """Checks prompts and stores them.

    Args:
        datasets: where the examples of shots are.
    """

    def __init__(self, prompts: PromptStore, datasets: DatasetStore, clock: Clock) -> None:
        self._prompts = prompts
        self._datasets = datasets
        self._clock = clock

    def write(
        self,
        project: str,
        draft: Draft,
        *,
        author: str | None = None,
        over: int | None = None,
        allow_secrets: bool = False,
    ) -> Prompt:
        """Store the next version of a prompt; the same content again is the same version.

        Args:
            over: the newest version there must be, 0 for none; None does not ask.
            allow_secrets: store what looks like a credential as well; the audit has it.
        Raises:
            InvalidRequest: what `checked` refuses, or what looks like a credential that the newest
                version does not have.
            Conflict: there is another newest version than `over`.
        """
        prompt = self.checked(project, draft, author=author)
        secrets = self._new_secrets(prompt)
        if secrets and not allow_secrets:
            from trimtab.signals.secrets.places import refused

            raise refused(secrets, way=_WAY)
        return self._prompts.add(prompt, over=over, with_secrets=bool(secrets))

    def _new_secrets(self, prompt: Prompt) -> Sequence[Secret]:
        from trimtab.prompts.lint.secrets import secrets_of  # numpy, which drafts do not need

        found = secrets_of(prompt)
        if not found:
            return ()
        try:
            newest = self._prompts.get(prompt.project, prompt.name)
        except NotFound:
            return found
        known = {one.value for one in secrets_of(newest)}
        return [one for one in found if one.value not in known]

    def checked(self, project: str, draft: Draft, *, author: str | None = None) -> Prompt:
        """The version that would be stored, its number not assigned.

        Raises:
            InvalidRequest: no messages, an unknown role, a parameter that is not a prompt's to set,
                a tool without a name, a template that does not compile, or something that it takes
                in and that is not there.
        """
        _check(draft)
        found = needs(_texts(draft), draft.syntax)
        taken_in = [self._taken(project, draft, name) for name in found.partials]
        partials = tuple(
            Partial(name=name, ref=one.ref, digest=one.digest)
            for name, one in zip(found.partials, taken_in, strict=True)
        )
        variables = {*found.variables}.union(*(one.variables for one in taken_in))
        _check_declared(draft, variables)
        shots = self._pinned(project, draft.shots)
        prompt = Prompt(
            name=draft.name,
            version=0,
            project=project,
            messages=draft.messages,
            syntax=draft.syntax,
            variables=tuple(sorted(variables)),
            declared=draft.declared,
            shots=shots,
            partials=partials,
            parameters=draft.parameters,
            tools=draft.tools,
            output_schema=draft.output_schema,
            labels=draft.labels,
            note=draft.note,
            author=author,
            digest=prompt_digest(
                draft.messages,
                draft.parameters,
                draft.tools,
                draft.output_schema,
                syntax=draft.syntax,
                declared=draft.declared,
                shots=shots,
                partials=partials,
            ),
            created_ns=self._clock.now_ns(),
        )
        if not partials:
            CompiledPrompt(prompt)
        return prompt

    def _taken(self, project: str, draft: Draft, name: str) -> Prompt:
        """The version of another prompt that a name means at this moment."""
        try:
            found = self._prompts.get(project, name)
        except NotFound as error:
            raise InvalidRequest(
                f"the prompt takes in {name!r}: {error}", where="messages", fix=error.fix or ""
            ) from None
        if found.name == draft.name:
            raise InvalidRequest(
                f"the prompt {name!r} takes in itself", where="messages", fix="name another"
            )
        if found.syntax != draft.syntax:
            raise InvalidRequest(
                f"{found.ref} is written in {found.syntax}, and cannot be taken in by a prompt in"
                f" {draft.syntax}",
                where="messages",
                fix="write both in one syntax",
            )
        partial_text(found)
        return found

    def _pinned(self, project: str, shots: Shots | None) -> Shots | None:
        """The shots with a version of their dataset."""
        if shots is None or shots.dataset is None:
            return shots
        try:
            dataset = self._datasets.get(project, shots.dataset)
        except NotFound as error:
            raise InvalidRequest(
                f"the examples are not there: {error}", where="shots.dataset", fix=error.fix or ""
            ) from None
        return msgspec.structs.replace(shots, dataset=dataset.ref)


def _texts(draft: Draft) -> Sequence[Message]:
    """Everything of a draft that is a template."""
    if draft.shots is None:
        return draft.messages
    # What a shot asks is filled in from the shot: its variables are those of the example.
    needs([Message(role="user", content=draft.shots.question)], draft.syntax)
    return draft.messages


def _check(draft: Draft) -> None:
    if not draft.messages:
        raise InvalidRequest(
            "a prompt needs at least one message",
            where="messages",
            fix='send messages like {"role": "system", "content": "..."}',
        )
    for index, message in enumerate(draft.messages):
        openai_chat.check_role(message.role, f"messages[{index}].role")
    openai_chat.check_parameters(draft.parameters)
    for index, tool in enumerate(draft.tools):
        _check_tool(tool, f"tools[{index}]")
    shots = draft.shots
    if shots is not None and bool(shots.examples) == (shots.dataset is not None):
        raise InvalidRequest(
            "the shots of a prompt are its own examples or the rows of a dataset",
            where="shots",
            fix='send "examples", or "dataset" with its name',
        )


def _check_declared(draft: Draft, used: set[str]) -> None:
    names = [one.name for one in draft.declared]
    for index, one in enumerate(draft.declared):
        where = f"declared[{index}]"
        if names.index(one.name) != index:
            raise InvalidRequest(f"the variable {one.name!r} is declared twice", where=where)
        if not one.name.isidentifier():
            raise InvalidRequest(
                f"{one.name[:40]!r} is no name of a variable",
                where=where,
                fix="use letters, digits and _",
            )
        if one.default is not None and (one.required or not fits(one, one.default)):
            raise InvalidRequest(
                f"the default of {one.name!r} is not {one.type}, or nobody would use it",
                where=where,
                fix='send a default of its type with "required": false',
            )
    undeclared = sorted(used - {*names, *_FILLED_IN}) if draft.declared else []
    if undeclared:
        raise InvalidRequest(
            f"the templates use variables that are not declared: {', '.join(undeclared[:20])}",
            where="declared",
            fix="declare all of them, or none",
        )


def _check_tool(tool: dict[str, Any], where: str) -> None:
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if tool.get("type") != "function" or not isinstance(name, str) or not name:
        raise InvalidRequest(
            "a tool of a prompt is a function with a name",
            where=where,
            fix='send {"type": "function", "function": {"name": "look_up", "parameters": {}}}',
        )
