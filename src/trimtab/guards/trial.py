"""Trial: a policy tried on cases whose outcome is known, as if it were enforced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.guards.policy import ReadyPolicy
from trimtab.guards.rule import FindScorer
from trimtab.guards.slots import Slots
from trimtab.kit.clock import SystemClock
from trimtab.ports import GuardSubject, GuardText, Opinion, Place
from trimtab.records import GuardPolicy
from trimtab.records.guard import Mount

Outcome = Literal["pass", "flag", "review", "redact", "tokenise", "regenerate", "block", "error"]

_GRAVITY: tuple[Outcome, ...] = (
    *("pass", "flag", "review", "redact", "tokenise", "regenerate", "block", "error"),
)
_DID: Mapping[str, Outcome] = {"flag": "flag", "block": "block", "regenerate": "regenerate"}
_AT = {
    "input": Place("user", 0),
    "context": Place("retrieved", 0, "context"),
    "tool": Place("tool", 0, "tool_result"),
    "output": Place("assistant", 0),
}


class TrialCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text, where it stands, and what a policy should do about it.

    Args:
        expect: the gravest thing that is done.
        kinds: of findings that must be among those of the rules that fire.
        tool: the text is the arguments of a call of this tool, on the output.
        system, context, question: what an output is judged against.
    """

    text: str
    where: Mount = "input"
    expect: Outcome
    kinds: tuple[str, ...] = ()
    name: str = ""
    tool: str | None = None
    system: str | None = None
    context: tuple[str, ...] = ()
    question: str | None = None


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy did about one case. `rules` are those that fired or failed."""

    case: int
    name: str
    where: Mount
    expect: Outcome
    outcome: Outcome
    passed: bool
    rules: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Trial:
    """A policy, with all its rules, whatever its mode is; models of slots are not asked.

    Raises:
        ConfigError, ScorerError, MissingExtra: a rule cannot be asked.
    """

    def __init__(self, policy: GuardPolicy, *, scorer: FindScorer | None = None) -> None:
        rules = tuple(
            msgspec.structs.replace(rule, mode=None, slot=None, parallel=False)
            for rule in policy.rules
            if rule.mode != "off"
        )
        self._enforced = msgspec.structs.replace(policy, mode="enforce", rules=rules)
        self._scorer = scorer
        self.ready = self._made()

    def _made(self) -> ReadyPolicy:
        return ReadyPolicy(self._enforced, slots=Slots(SystemClock(), {}), scorer=self._scorer)

    async def run(self, cases: Iterable[TrialCase]) -> list[Tried]:
        """Each case on its own, in their order."""
        return [await self._tried(number, case) for number, case in enumerate(cases, 1)]

    async def _tried(self, number: int, case: TrialCase) -> Tried:
        stage: Literal["input", "output"] = "output" if case.where == "output" else "input"
        subject = GuardSubject(
            stage=stage,
            texts=[_text(case)],
            sent=_sent(case) if stage == "output" else (),
        )
        actions = {rule.name: rule.action for rule in self.ready.rules}
        said: list[Opinion] = []
        for guard in self.ready.begin().guards:
            if guard.stage in (stage, "both"):
                said += (await guard.check(subject)).opinions
        loud = [one for one in said if one.action not in ("pass", "skipped")]
        outcomes = [_outcome(one, actions[one.name]) for one in loud]
        outcome: Outcome = max(outcomes, key=_GRAVITY.index) if outcomes else "pass"
        kinds = {str(found["kind"]) for one in loud for found in one.findings}
        missing = tuple(kind for kind in case.kinds if kind not in kinds)
        return Tried(
            case=number,
            name=case.name,
            where=case.where,
            expect=case.expect,
            outcome=outcome,
            passed=outcome == case.expect and not missing,
            rules=tuple(one.name for one in loud),
            kinds=tuple(sorted(kinds)),
            missing=missing,
        )


def cases_of(rows: Sequence[object]) -> list[TrialCase]:
    """Cases from plain values. Raises InvalidRequest, which says which one cannot be read."""
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(msgspec.convert(row, TrialCase))
        except msgspec.ValidationError as error:
            raise InvalidRequest(
                f"not a case: {error}", where=f"case {number}", fix="see docs/guards.md"
            ) from None
    if not found:
        raise InvalidRequest("there are no cases", fix="write some, or have them by --init")
    return found


def _text(case: TrialCase) -> GuardText:
    place = _AT[case.where]
    if case.tool is not None and case.where == "output":
        place = msgspec.structs.replace(place, kind="tool_arguments")
        return GuardText(place=place, text=case.text, tool=case.tool)
    return GuardText(place=place, text=case.text)


def _sent(case: TrialCase) -> list[GuardText]:
    texts = [
        GuardText(place=Place("retrieved", 0, "context", n), text=text)
        for n, text in enumerate(case.context)
    ]
    if case.system is not None:
        texts.append(GuardText(place=Place("system", 0), text=case.system))
    if case.question is not None:
        texts.append(GuardText(place=Place("user", 1), text=case.question))
    return texts


def _outcome(said: Opinion, action: Outcome) -> Outcome:
    """What a rule did; of a failure that blocked, the failure."""
    if said.action in ("error", "timeout"):
        return "error"
    if said.queued:
        return "review"
    return action if said.action == "replace" else _DID[said.action]
