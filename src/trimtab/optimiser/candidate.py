"""Candidates: versions of a prompt that are tried, made of the one that is to be improved. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.measures.edit import edit_distance
from trimtab.optimiser.result import Kind
from trimtab.prompts.template import Needs, needs
from trimtab.records import Message, Prompt, Shots
from trimtab.records.prompt import prompt_digest

_MOST_WORDS = 2
_WORDS_PER_CHANGE = 50
_FIRST = 0x10000  # of the characters that stand for words, beyond surrogates
_LONGEST = 20_000


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A version that may be tried; `words` say how it differs from the one it was made of."""

    prompt: Prompt
    kind: Kind
    words: str

    @property
    def digest(self) -> str:
        return self.prompt.digest


def instruction_of(prompt: Prompt) -> str:
    """The text of a prompt that instructs: its first system message, else its first text.

    Raises:
        InvalidRequest: no message of the prompt is text.
    """
    return str(prompt.messages[_place(prompt)].content)


def with_instruction(prompt: Prompt, text: str) -> Prompt:
    """The prompt with another instruction."""
    at = _place(prompt)
    messages = list(prompt.messages)
    messages[at] = msgspec.structs.replace(messages[at], content=text)
    return changed(prompt, messages=tuple(messages))


def with_shots(prompt: Prompt, shots: Shots | None) -> Prompt:
    """The prompt with other examples."""
    return changed(prompt, shots=shots)


def changed(
    prompt: Prompt, *, messages: tuple[Message, ...] | None = None, shots: Shots | None = None
) -> Prompt:
    """The prompt with other messages or shots, without a number, a label or a note."""
    messages = prompt.messages if messages is None else messages
    shots = prompt.shots if shots is None else shots
    return msgspec.structs.replace(
        prompt,
        version=0,
        messages=messages,
        shots=shots,
        labels=(),
        note="",
        digest=prompt_digest(
            messages,
            prompt.parameters,
            prompt.tools,
            prompt.output_schema,
            syntax=prompt.syntax,
            declared=prompt.declared,
            shots=shots,
            partials=prompt.partials,
        ),
    )


def fault_in(text: str, prompt: Prompt) -> str | None:
    """Why an instruction cannot take the place of a prompt's; None where it can.

    It must use the variables and the other prompts that the present one uses, and no more: one that
    is lost is never answered from, one that is invented has no value.
    """
    if not text.strip():
        return "it is empty"
    if len(text) > _LONGEST:
        return f"it has more than {_LONGEST} characters"
    own = prompt.messages[_place(prompt)]
    try:
        before = needs([own], prompt.syntax)
        after = needs([msgspec.structs.replace(own, content=text)], prompt.syntax)
    except InvalidRequest as error:
        return f"it is no template: {error.what}"
    return _lost(before, after)


def is_near(text: str, others: Sequence[str]) -> bool:
    """Whether an instruction has nearly the words of one of the others, in their order.

    Of fewer than 50 words all are the same then, of more 1 in 50 may differ, and never more than 2:
    a longer text says something new with one sentence too.

    >>> is_near("Be brief!", ["be  brief"]), is_near("Be very brief.", ["Be brief."])
    (True, False)
    """
    own = _words(text)
    return any(_is_near(own, _words(other)) for other in others)


def _is_near(one: Sequence[str], other: Sequence[str]) -> bool:
    most = min(_MOST_WORDS, len(one) // _WORDS_PER_CHANGE)
    if abs(len(one) - len(other)) > most:
        return False
    letters = {word: chr(_FIRST + at) for at, word in enumerate(dict.fromkeys((*one, *other)))}
    spelt = ["".join(letters[word] for word in words) for words in (one, other)]
    return edit_distance(*spelt, most=most) <= most


def _lost(before: Needs, after: Needs) -> str | None:
    said = []
    for what, old, new in (
        ("variables", before.variables, after.variables),
        ("partials", before.partials, after.partials),
    ):
        if lost := sorted(set(old) - set(new)):
            said.append(f"it loses the {what} {', '.join(lost)}")
        if invented := sorted(set(new) - set(old)):
            said.append(f"it invents the {what} {', '.join(invented[:10])}")
    return "; ".join(said) or None


def _place(prompt: Prompt) -> int:
    texts = [at for at, one in enumerate(prompt.messages) if isinstance(one.content, str)]
    opening = [at for at in texts if prompt.messages[at].role in ("system", "developer")]
    if not texts:
        raise InvalidRequest(
            "no message of the prompt is text, so that there is no instruction to improve",
            where=f"prompt {prompt.ref}",
            fix="add a system message, or try --algo demos",
        )
    return (opening or texts)[0]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
