"""What differs between two versions of a prompt, by what it means. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from trimtab.kit import jsonx
from trimtab.prompts.words import Piece, Sentences, compared, likeness, pieces
from trimtab.records import Message, Prompt, Variable

_ALIKE = 0.35  # messages of one role that share fewer words are two messages
_MOST_ALIGNED = 60  # each is compared with each


class MessageDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A message that came, went or changed; `before` and `after` are its places.

    `words` are signed pieces of text: `=` stays, `-` went, `+` came.
    """

    kind: Literal["added", "removed", "changed"]
    role: str
    former_role: str | None = None
    before: int | None = None
    after: int | None = None
    words: list[Piece]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is another now. `field` is its name: `variable tone`, `temperature`, `shots`.

    None stands for what is not there.
    """

    kind: Literal["added", "removed", "changed"]
    field: str
    before: Any = None
    after: Any = None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions compared; `says` is the difference in one sentence."""

    before: str
    after: str
    same: bool
    says: str
    sentences: Sentences
    messages: list[MessageDifference]
    changes: list[Change]


def differ(before: Prompt, after: Prompt) -> Difference:
    """What changed from one version to another; they may be of different prompts.

    >>> def version(number, words, **fields):
    ...     message = Message(role="system", content=words)
    ...     return Prompt(
    ...         name="p", version=number, messages=(message,), digest="", created_ns=1, **fields)
    >>> one = version(1, "Be brief. Be kind.", parameters={"temperature": 0})
    >>> two = version(2, "Be brief. Be {{ tone }}.", variables=("tone",))
    >>> differ(one, two).says
    '1 of 2 sentences changed, variable `tone` added, `temperature` removed (was 0).'
    """
    messages = list(_messages(before.messages, after.messages))
    changes = [*_variables(before, after), *_values(before, after), *_partials(before, after)]
    sentences = _sentences(messages, before, after)
    return Difference(
        before=before.ref,
        after=after.ref,
        same=not (messages or changes),
        says=_said(sentences, messages, changes),
        sentences=sentences,
        messages=messages,
        changes=changes,
    )


# -- messages ------------------------------------------------------------------------------------


def _messages(before: Sequence[Message], after: Sequence[Message]) -> Iterator[MessageDifference]:
    for old, new in _aligned(before, after):
        if old is None and new is not None:
            yield _alone("added", after[new], None, new)
        elif new is None and old is not None:
            yield _alone("removed", before[old], old, None)
        elif old is not None and new is not None and before[old] != after[new]:
            one, other = before[old], after[new]
            yield MessageDifference(
                kind="changed",
                role=other.role,
                former_role=one.role if one.role != other.role else None,
                before=old,
                after=new,
                words=pieces(_text(one), _text(other)),
            )


def _alone(
    kind: Literal["added", "removed"], message: Message, before: int | None, after: int | None
) -> MessageDifference:
    words: list[Piece] = [("+" if kind == "added" else "-", _text(message))]
    return MessageDifference(kind=kind, role=message.role, before=before, after=after, words=words)


def _text(message: Message) -> str:
    if isinstance(message.content, str) and not (message.tool_calls or message.name):
        return message.content
    return jsonx.encode(message).decode()


def _aligned(
    before: Sequence[Message], after: Sequence[Message]
) -> list[tuple[int | None, int | None]]:
    """Pairs of places, in order: what pays is how alike two messages are (Needleman & Wunsch 1970,
    with gaps that cost nothing)."""
    if max(len(before), len(after)) > _MOST_ALIGNED:
        return _in_order(len(before), len(after))
    gain = [[0.0] * (len(after) + 1) for _ in range(len(before) + 1)]
    alike = [[_likeness(one, other) for other in after] for one in before]
    for old in reversed(range(len(before))):
        for new in reversed(range(len(after))):
            pair = alike[old][new] + gain[old + 1][new + 1] if alike[old][new] else 0.0
            gain[old][new] = max(pair, gain[old + 1][new], gain[old][new + 1])
    found: list[tuple[int | None, int | None]] = []
    old = new = 0
    while old < len(before) and new < len(after):
        if alike[old][new] and gain[old][new] == alike[old][new] + gain[old + 1][new + 1]:
            found.append((old, new))
            old, new = old + 1, new + 1
        elif gain[old][new] == gain[old + 1][new]:
            found.append((old, None))
            old += 1
        else:
            found.append((None, new))
            new += 1
    found += [(rest, None) for rest in range(old, len(before))]
    return found + [(None, rest) for rest in range(new, len(after))]


def _in_order(before: int, after: int) -> list[tuple[int | None, int | None]]:
    places = range(max(before, after))
    return [(at if at < before else None, at if at < after else None) for at in places]


def _likeness(one: Message, other: Message) -> float:
    """0 where they are not versions of one message; a role that stays counts for something."""
    if one == other:
        return 2.0
    alike = likeness(_text(one), _text(other))
    if one.role == other.role and one.role in ("system", "developer"):
        return 0.5 + alike  # there is mostly one of these, whatever it says
    return alike + 0.1 * (one.role == other.role) if alike >= _ALIKE else 0.0


def _sentences(messages: Sequence[MessageDifference], before: Prompt, after: Prompt) -> Sentences:
    old, new = ("\n\n".join(_text(one) for one in prompt.messages) for prompt in (before, after))
    if not messages:
        return Sentences(compared(new, new).total, 0, 0, 0)
    return compared(old, new)


# -- values --------------------------------------------------------------------------------------


def _variables(before: Prompt, after: Prompt) -> Iterator[Change]:
    old = {**dict.fromkeys(before.variables), **{one.name: one for one in before.declared}}
    new = {**dict.fromkeys(after.variables), **{one.name: one for one in after.declared}}
    for name, one in sorted(old.items()):
        if name not in new:
            yield Change(kind="removed", field=f"variable {name}", before=_plain(one))
    for name, one in sorted(new.items()):
        if name not in old:
            yield Change(kind="added", field=f"variable {name}", after=_plain(one))
        elif old[name] != one:
            yield Change(
                kind="changed",
                field=f"variable {name}",
                before=_plain(old[name]),
                after=_plain(one),
            )


def _plain(variable: Variable | None) -> dict[str, Any]:
    return {} if variable is None else msgspec.to_builtins(variable)


def _values(before: Prompt, after: Prompt) -> Iterator[Change]:
    yield from _named(before.parameters, after.parameters, "")
    yield from _named(_tools(before), _tools(after), "tool ")
    for field in ("syntax", "output_schema", "shots"):
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            yield _change(field, msgspec.to_builtins(old), msgspec.to_builtins(new))


def _named(old: Mapping[str, Any], new: Mapping[str, Any], what: str) -> Iterator[Change]:
    for name in dict.fromkeys([*old, *new]):
        if name not in new or name not in old or old[name] != new[name]:
            yield _change(f"{what}{name}", old.get(name), new.get(name))


def _change(field: str, before: Any, after: Any) -> Change:
    kind: Literal["added", "removed", "changed"] = "changed"
    if before is None or after is None:
        kind = "added" if before is None else "removed"
    return Change(kind=kind, field=field, before=before, after=after)


def _tools(prompt: Prompt) -> dict[str, Any]:
    return {str(tool.get("function", {}).get("name")): tool for tool in prompt.tools}


def _partials(before: Prompt, after: Prompt) -> Iterator[Change]:
    old = {one.name: one.ref for one in before.partials}
    new = {one.name: one.ref for one in after.partials}
    yield from _named(old, new, "partial ")


# -- in words ------------------------------------------------------------------------------------


def _said(
    sentences: Sentences, messages: Sequence[MessageDifference], changes: Sequence[Change]
) -> str:
    parts = []
    if sentences.changed:
        parts.append(f"{sentences.changed} of {_count(sentences.total, 'sentence')} changed")
    counts = [(kind, getattr(sentences, kind)) for kind in ("added", "removed")]
    parts += [f"{_count(count, 'sentence')} {kind}" for kind, count in counts if count]
    roles = [
        f"message {one.after} is of `{one.role}` instead of `{one.former_role}`"
        for one in messages
        if one.former_role is not None
    ]
    if messages and not (parts or roles):
        parts.append("only spaces or marks changed")
    parts += roles
    parts += [_in_words(change) for change in changes]
    text = ", ".join(parts) or "nothing changed"
    return f"{text[0].upper()}{text[1:]}."


def _in_words(change: Change) -> str:
    what, _, name = change.field.rpartition(" ")
    said = f"{what} `{name}`" if what else f"`{name}`"
    short = [_short(one) for one in (change.before, change.after)]
    if what in ("variable", "tool") or "" in short:
        retyped = what == "variable" and change.kind == "changed"
        return f"{said} {_retyped(change) if retyped else change.kind}"
    if change.kind == "added":
        return f"{said} {short[1]}"
    if change.kind == "removed":
        return f"{said} removed (was {short[0]})"
    return f"{said} {short[0]} -> {short[1]}"


def _retyped(change: Change) -> str:
    old, new = (one.get("type") for one in (change.before, change.after))
    return f"is {new} instead of {old or 'undeclared'}" if old != new and new else "changed"


def _short(value: Any) -> str:
    """A value in a sentence; nothing where it is too long for one."""
    text = jsonx.encode(value).decode()
    return text if len(text) <= 40 else ""


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
