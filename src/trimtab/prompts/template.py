"""Templates: prompt messages compiled once, rendered per request, in a sandbox."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jinja2
import msgspec

from trimtab.errors import InvalidRequest
from trimtab.prompts.values import filled
from trimtab.records import Message, Prompt, PromptBundle, Shot
from trimtab.records.prompt import Syntax
from trimtab.templates import jinja, mustache
from trimtab.templates.allowance import MOST_S, OutOfTime, bounded
from trimtab.templates.size import Size

if TYPE_CHECKING:
    from trimtab.prompts.shots import ShotChooser

_OPENING = ("system", "developer")


class Text(Protocol):
    """A compiled text of a prompt."""

    def write(self, variables: Mapping[str, Any]) -> str: ...


class CompiledPrompt:
    """A prompt ready to render; implements `ports.Template`.

    Args:
        partials: the prompts that it takes in, and those that these take in.
        shots: what its shots choose among, where they are rows of a dataset.
    Raises:
        InvalidRequest: a template does not compile, or a partial is missing.
    """

    def __init__(
        self, prompt: Prompt, partials: Iterable[Prompt] = (), shots: Sequence[Shot] = ()
    ) -> None:
        self._prompt = prompt
        texts = _Texts(prompt, partials)
        where = f"prompt {prompt.ref}"
        self._parts = [
            (message, texts.compiled(message, f"{where}, message {index}"))
            for index, message in enumerate(prompt.messages)
        ]
        self._chooser: ShotChooser | None = None
        self._question: Text | None = None
        if prompt.shots is not None:
            from trimtab.prompts.shots import ShotChooser  # numpy, which few prompts need

            self._chooser = ShotChooser(prompt.shots, prompt.shots.examples or shots)
            asked = Message(role="user", content=prompt.shots.question)
            self._question = texts.compiled(asked, f"{where}, shots.question")

    @classmethod
    def of(cls, bundle: PromptBundle) -> CompiledPrompt:
        """Raises InvalidRequest, as the constructor does."""
        return cls(bundle.prompt, bundle.partials, bundle.shots)

    @property
    def prompt(self) -> Prompt:
        return self._prompt

    def render(self, variables: Mapping[str, Any]) -> list[Message]:
        """The messages with their variables filled in, and the shots after the opening ones.

        Raises:
            InvalidRequest: variables are missing or of a wrong type, or the template fails on these
                values.
        """
        variables = filled(self._prompt, variables)
        try:
            return self._rendered(variables)
        except jinja2.UndefinedError as error:
            raise self._missing(variables, error) from None
        except Exception as error:
            # A template is a program: dividing by zero or calling itself for ever is its business.
            raise self._broken(error) from None

    def _rendered(self, variables: Mapping[str, Any]) -> list[Message]:
        with bounded():
            messages = [
                msgspec.structs.replace(message, content=text.write(variables)) if text else message
                for message, text in self._parts
            ]
            if self._chooser is None:
                return messages
            shown = self._shown(variables)
            end = len(messages)
            at = next((n for n, one in enumerate(messages) if one.role not in _OPENING), end)
            return [*messages[:at], *shown, *messages[at:]]

    def _shown(self, variables: Mapping[str, Any]) -> Iterable[Message]:
        """The chosen examples as turns of a conversation."""
        if self._chooser is None or self._question is None:
            return
        for shot in self._chooser.choose(variables):
            asked = self._question.write({**variables, **shot.variables})
            yield Message(role="user", content=asked)
            yield Message(role="assistant", content=shot.answer)

    def _missing(
        self, variables: Mapping[str, Any], error: jinja2.UndefinedError
    ) -> InvalidRequest:
        """All that is missing, so that nobody has to find one variable after the other."""
        absent = [name for name in self._prompt.variables if name not in variables]
        if not absent:
            own = variables_of(self._prompt.messages, self._prompt.syntax)
            absent = [name for name in own if name not in variables]
        trial = {**variables, **dict.fromkeys(absent, jinja2.ChainableUndefined())}
        until_s = time.thread_time() + MOST_S
        try:
            # Each is a rendering: those there was no time for are taken to be needed.
            needed = [
                name for name in absent if time.thread_time() > until_s or self._needs(name, trial)
            ]
        except OutOfTime as late:
            return self._broken(late)
        if not needed:
            return self._broken(error, missing=[])
        return InvalidRequest(
            f"the prompt lacks variables: {', '.join(needed[:20])}",
            where=f"prompt {self._prompt.ref}",
            fix="pass them, or give them a default in the template",
            missing=needed,
        )

    def _needs(self, name: str, trial: Mapping[str, Any]) -> bool:
        """Whether it cannot be rendered without this one, when all the others are there."""
        try:
            self._rendered({key: value for key, value in trial.items() if key != name})
        except jinja2.UndefinedError:
            return True
        except OutOfTime:
            raise
        except Exception:
            return False
        return False

    def _broken(self, error: Exception, **facts: Any) -> InvalidRequest:
        return InvalidRequest(
            f"the prompt cannot be rendered: {error or type(error).__name__}",
            where=f"prompt {self._prompt.ref}",
            fix="correct the template and write the prompt again",
            **facts,
        )


class Needs(NamedTuple):
    """What templates need: names of values, and of other prompts; both sorted."""

    variables: tuple[str, ...]
    partials: tuple[str, ...]


def needs(messages: Sequence[Message], syntax: Syntax = "jinja") -> Needs:
    """What the templates need from outside.

    Raises:
        InvalidRequest: a template does not compile; `where` is the message and, if known, the line.

    >>> needs([Message(role="system", content='{% include "tone" %} Use {{ passages }}.')])
    Needs(variables=('passages',), partials=('tone',))
    """
    variables: set[str] = set()
    partials: set[str] = set()
    texts = _Texts(Prompt(name="", version=0, messages=(), syntax=syntax, digest="", created_ns=0))
    for index, message in enumerate(messages):
        if not isinstance(message.content, str):
            continue
        where = f"message {index}"
        texts.compiled(message, where)
        if syntax == "mustache":
            nodes = mustache.parse(message.content, where)
            variables |= set(mustache.names(nodes))
            partials |= set(mustache.partials(nodes))
        else:
            found = jinja.names(message.content, where)
            variables |= found.variables
            partials |= found.partials
    return Needs(tuple(sorted(variables)), tuple(sorted(partials)))


def variables_of(messages: Sequence[Message], syntax: Syntax = "jinja") -> tuple[str, ...]:
    """Names the templates expect, sorted.

    Raises:
        InvalidRequest: a template does not compile; `where` is the message and, if known, the line.

    >>> variables_of([Message(role="system", content="Use {{ passages }} for {{ question }}")])
    ('passages', 'question')
    """
    return needs(messages, syntax).variables


class _Texts:
    """The texts of one prompt, and of those it takes in, compiled.

    A name in a template means the version that its own prompt was pinned to, so that two prompts
    may mean different versions by one name.
    """

    def __init__(self, prompt: Prompt, partials: Iterable[Prompt] = ()) -> None:
        self._prompt = prompt
        self._known = {one.ref: one for one in partials}
        texts = {ref: partial_text(one) for ref, one in self._known.items()}
        self._jinja = jinja.Workshop(texts, self._taken)
        self._mustache: dict[str, mustache.MustacheText] = {}
        self._size = Size()

    def compiled(self, message: Message, where: str) -> Text | None:
        """None for content that is no text, and no template. Raises InvalidRequest."""
        if not isinstance(message.content, str):
            return None
        if self._prompt.syntax == "mustache":
            return self._as_mustache(message.content, where, self._prompt)
        return self._jinja.compiled(message.content, where, self._prompt.ref)

    def _as_mustache(self, text: str, where: str, owner: Prompt) -> mustache.MustacheText:
        def partial(name: str) -> mustache.MustacheText:
            ref = self._taken(name, owner.ref)
            if ref not in self._mustache:
                inner = self._known[ref]
                self._mustache[ref] = self._as_mustache(partial_text(inner), where, inner)
            return self._mustache[ref]

        return mustache.MustacheText(mustache.parse(text, where, self._size), partial)

    def _taken(self, name: str, parent: str) -> str:
        owner = self._known.get(parent, self._prompt)
        for one in owner.partials:
            if one.name == name and one.ref in self._known:
                return one.ref
        raise InvalidRequest(
            f"the prompt {name!r} that it takes in is not there", where=f"prompt {owner.ref}"
        )


def partial_text(prompt: Prompt) -> str:
    """The template that another prompt takes in. Raises InvalidRequest where there is not one."""
    if len(prompt.messages) == 1 and isinstance(prompt.messages[0].content, str):
        return prompt.messages[0].content
    raise InvalidRequest(
        f"the prompt {prompt.ref} has {len(prompt.messages)} messages, and cannot be taken in",
        where=f"prompt {prompt.ref}",
        fix="take in a prompt with one message of text",
    )
