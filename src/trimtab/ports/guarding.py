"""Guarding: what a guard is to the gateway, and what it may rule.

A guard reads texts with their places, whichever dialect they were said in, streamed or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

Stage = Literal["input", "output"]
Action = Literal["pass", "flag", "block", "replace", "regenerate"]
Did = Literal["pass", "flag", "replace", "block", "regenerate", "error", "timeout", "skipped"]
TextKind = Literal[
    "text", "refusal", "reasoning", "tool_arguments", "tool_result", "context", "other"
]


class Place(msgspec.Struct, frozen=True, order=True, gc=False):
    """Where a text stands.

    `index` is that of the message in a request, of the choice in an answer; `part` tells several
    texts of one kind apart there, as the calls of a choice. `role` is the speaker's, `variable` for
    a variable of the route's prompt, `retrieved` for a passage that was found for it, `provider`
    for what one says of its failure, `request` for what lies beside the messages (tools, schemas).
    The kind `other` is what no other kind is: of a request its strings, one a line, which can be
    blocked and not replaced; of an answer what stands beside its texts.
    """

    role: str
    index: int
    kind: TextKind = "text"
    part: int = 0


class GuardText(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A text, or so much of it as there is.

    `offset` is the number of characters before `text` at this place that are not shown again;
    `complete` says that nothing follows. Arguments of tools are JSON text as it was written, and
    `tool` is the name of the one that is called; None where there is no call of the caller's tools.
    """

    place: Place
    text: str
    offset: int = 0
    complete: bool = True
    tool: str | None = None


class GuardSubject(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be judged.

    `sent` is what the model was told, where the texts are its answer. `continues`: the request
    builds on messages that the provider keeps, and that nobody sees here.
    """

    stage: Stage
    texts: Sequence[GuardText]
    project: str = "default"
    route: str | None = None
    sent: Sequence[GuardText] = ()
    continues: bool = False


class Edit(NamedTuple):
    """Other text for the characters from `start` to `end` of the text shown at a place."""

    place: Place
    start: int
    end: int
    text: str


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says, of a guard that has several; each is an entry of its own on record.

    Args:
        action: what was done; `would` is what would be done if the rule were enforced.
        findings: where the texts are at fault: place, characters, kind and score; never the text.
        blocked: whether the refusal is this one's.
        queued: whether people are to decide about it.
        error: why there is no judgement, of an `error`, a `timeout` and what is `skipped`.
    """

    name: str
    version: str = "1"
    action: Did = "pass"
    would: str | None = None
    mode: str | None = None
    reason: str | None = None
    value: float | None = None
    threshold: float | None = None
    findings: tuple[dict[str, Any], ...] = ()
    blocked: bool = False
    queued: bool = False
    error: str | None = None
    ms: float = 0.0
    digest: str | None = None


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What a guard says of a subject.

    A `regenerate` has a whole answer asked for again, a few times at most; where that cannot be, it
    is a `block`. `opinions` are on record instead of the guard itself.

    Args:
        edits: of a `replace`; of a `block`, what the record shows in place of it.
        reason: for the record. Like `evidence` it must not quote what is to be hidden.
        message: for the caller, of a `block`.
        value, threshold: the measure behind the ruling, if there is one.
        attempts: of a `regenerate`, how often at most.
        unchecked: it is a `block` because there was no judgement, whatever the text says.
    """

    action: Action = "pass"
    edits: Sequence[Edit] = ()
    reason: str | None = None
    message: str | None = None
    value: float | None = None
    threshold: float | None = None
    evidence: tuple[str, ...] = ()
    opinions: Sequence[Opinion] = ()
    attempts: int = 0
    unchecked: bool = False


@runtime_checkable
class Guard(Protocol):
    """Judges texts on their way to a model and back. Safe to use by many requests at once.

    A guard may have an attribute `observes`: where it is True, the guard only looks. Nothing waits
    for it but the record, and whatever it rules, nothing is held, changed or refused.

    `parallel`: on input it runs beside the call of the model, whose answer waits for it; it may
    block the answer, but the request has gone, so it cannot replace. `window_chars`: of a stream,
    how many characters on either side of a position it has to see to be sure of it; None needs
    the whole answer, of which nothing is sent before. `budget_ms` is for one check, or what a
    method `budget_for(subject)` gives in milliseconds; a guard that takes longer, or fails, is
    ruled by `on_error`: `closed` blocks, `open` lets the text through and says so on record.

    What is read as one thing may be longer than a window: a key, a link, a row of codes. A guard of
    such things has methods `settled(text)`, up to which place of a text nothing that follows can
    change a ruling, and `begins(text, at)`, from which place on the text must be shown again to
    rule on what follows `at`; the gateway then asks these about the text of the last check in place
    of counting, and `ahead_chars`, if there is one, says how much is most often held.

    A guard with a true attribute `judges_calls` rules on calls of tools: none goes on before it is
    whole and was ruled on, though it has no arguments.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def stage(self) -> Literal["input", "output", "both"]: ...

    @property
    def parallel(self) -> bool: ...

    @property
    def window_chars(self) -> int | None: ...

    @property
    def on_error(self) -> Literal["open", "closed"]: ...

    @property
    def budget_ms(self) -> float: ...

    async def check(self, subject: GuardSubject) -> Ruling:
        """Rule on a subject. Of a stream it is called again as more of it comes.

        The text shown again on either side of what is new is `window_chars` long, so the same text
        must be ruled the same whatever lies further away.
        """
        ...
