"""The guard of a policy: its rules on one side of one call, asked together.

Rules that look at one text share one reading of it; those of signals run where the guard is called,
without a task of their own, unless the texts are long. What each rule said is an entry of its own
on record, in the rule's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from trimtab.guards.case import Case
from trimtab.guards.edits import JSON, edits_of
from trimtab.guards.looked import Looked
from trimtab.guards.looking import IN_LOOP_CHARS, QUEUE_S, Looking
from trimtab.guards.quoting import Quoted, Quoting
from trimtab.guards.rule import Hit, Rule
from trimtab.guards.settling import Settling
from trimtab.guards.slots import Slots
from trimtab.ports import Edit, GuardSubject, GuardText, Opinion, Ruling
from trimtab.ports.guarding import Action, Did, Stage
from trimtab.records.guard import Mount, OnError

_MOST_FINDINGS = 50  # of one rule on record
_SLACK_MS = 1000.0
_FORGED = "[TOKEN]"
_LATE = "this could not be checked in time"
_UNCHECKED = "a guard could not check this"


class PolicyGuard:
    """Implements `ports.Guard` for rules of one policy; made for each call.

    Args:
        observes: nothing waits for these rules, and they change nothing.
    """

    def __init__(
        self,
        case: Case,
        rules: Sequence[Rule],
        stage: Stage,
        *,
        policy: str,
        version: str,
        slots: Slots,
        parallel: bool = False,
        observes: bool = False,
    ) -> None:
        self.name = policy
        self.version = version
        self.stage: Literal["input", "output", "both"] = stage
        self.parallel = parallel
        self.observes = observes
        self._case = case
        self._rules = tuple(rules)
        self._quoting = Quoting()
        self._settling = Settling(self._rules, self._quoting)
        self._looking = Looking(case, slots, self._quoting)

    @property
    def rules(self) -> tuple[Opinion, ...]:
        """What each of its rules is called on record."""
        return tuple(
            Opinion(name=one.name, version=one.version, mode=one.mode, digest=one.digest)
            for one in self._rules
        )

    @property
    def regenerates(self) -> bool:
        return any(rule.acts and rule.action == "regenerate" for rule in self._rules)

    @property
    def window_chars(self) -> int | None:
        windows = [rule.window_chars for rule in self._rules]
        known = [window for window in windows if window is not None]
        return max(known, default=0) if len(known) == len(windows) else None

    @property
    def ahead_chars(self) -> int:
        return max((rule.ahead_chars for rule in self._rules), default=0)

    def settled(self, text: GuardText) -> int:
        return self._settling.settled(text)

    def begins(self, text: GuardText, at: int) -> int:
        return self._settling.begins(text, at)

    @property
    def on_error(self) -> OnError:
        closed = any(rule.acts and rule.on_error == "closed" for rule in self._rules)
        return "closed" if closed else "open"

    @property
    def budget_ms(self) -> float:
        """Rules keep to their own budgets; this one is only for what nobody thought of."""
        slots = max(
            (rule.said.slot.timeout_ms for rule in self._rules if rule.said.slot), default=0
        )
        return max(rule.said.budget_ms for rule in self._rules) + slots + _SLACK_MS

    def budget_for(self, subject: GuardSubject) -> float:
        """Milliseconds for a check, with the time that long texts wait for a thread."""
        chars = sum(len(one.text) for one in subject.texts)
        more = max(rule.budget_s(chars) * 1000 - rule.said.budget_ms for rule in self._rules)
        waits = QUEUE_S * 1000 if chars > IN_LOOP_CHARS else 0.0
        return self.budget_ms + max(0.0, more) + waits

    async def check(self, subject: GuardSubject) -> Ruling:
        """Ask every rule about the texts that it is about."""
        forged = self._prepare(subject)
        for one in subject.texts:
            self._quoting.take(one)
        shown = [
            (one, mount(subject.stage, one))
            for one in subject.texts
            if one.text or one.tool is None  # a call without arguments says nothing
        ]
        asked = [
            (rule, [one for one, on in shown if rule.reads(on, one.place)]) for rule in self._rules
        ]
        asked = [(rule, texts) for rule, texts in asked if texts]
        looked, spent = await self._looking.looked(asked, subject)
        opinions: list[Opinion] = []
        rulings: list[tuple[Rule, Action, list[Edit]]] = []
        for rule, _ in asked:
            opinion, action, edits = self._opinion(rule, looked[rule.name], spent[rule.name])
            opinions.append(opinion)
            if rule.acts and rule.action == "tokenise" and forged:
                edits, forged = [*edits, *forged], []
                action = "replace" if action in ("pass", "flag") else action
            rulings.append((rule, action, edits))
        return together(rulings, opinions)

    def _prepare(self, subject: GuardSubject) -> list[Edit]:
        """Have tokens ready that are in none of the texts.

        Returns:
            The edits that take tokens out which a text of others already pretends to have, as a
            passage may that was found afterwards: they would become somebody's values.
        """
        tokenises = any(rule.acts and rule.action == "tokenise" for rule in self._rules)
        if subject.stage != "input" or not tokenises:
            return []
        vault = self._case.vault
        if subject.continues:
            vault.set_apart()
        forged = [
            Edit(one.place, start, end, _FORGED)
            for one in subject.texts
            if one.place.kind != "other"
            for start, end in vault.forged(one.text)
        ]
        vault.reserve(one.text for one in subject.texts)
        return forged

    # -- ruling --------------------------------------------------------------------------------

    def _opinion(
        self, rule: Rule, looked: Sequence[Looked], ms: float
    ) -> tuple[Opinion, Action, list[Edit]]:
        """What a rule says of all its texts, what is to be done, and where."""
        failed = next((one for one in looked if one.error or one.late), None)
        fired = [one for one in looked if one.hit is not None and one.hit.fired]
        hits = [one.hit for one in looked if one.hit is not None and one.hit.value is not None]
        value = _worst(rule, hits)
        action, did, edits = self._decided(rule, fired, failed)
        would = rule.action if fired and rule.mode != "enforce" and did != rule.action else None
        judged = bool(hits)
        if not judged and failed is None:
            did = "skipped"
        reason = next((one.reason for one in fired or looked if one.reason), None)
        opinion = Opinion(
            name=rule.name,
            version=rule.version,
            action=did,
            would=would,
            mode=rule.mode,
            reason=reason if judged else None,
            value=value,
            threshold=rule.threshold,
            findings=_places(fired),
            blocked=action in ("block", "regenerate"),
            queued=did == "flag" and rule.action == "review" and rule.mode == "enforce",
            error=_error(rule, failed) or (None if judged else reason or "nothing to judge"),
            ms=round(ms, 3),
            digest=rule.digest,
        )
        return opinion, action, edits

    def _decided(
        self, rule: Rule, fired: Sequence[Looked], failed: Looked | None
    ) -> tuple[Action, Did, list[Edit]]:
        """What is done, and what the record calls it."""
        if fired and rule.acts:
            return self._acted(rule, fired)
        if failed is not None:
            did: Did = "timeout" if failed.late else "error"
            closed = rule.acts and rule.on_error == "closed" and not self.observes
            return ("block" if closed else "pass"), did, []
        if not fired or rule.mode == "shadow":
            return "pass", "pass", []
        return "flag", "flag", []

    def _acted(self, rule: Rule, fired: Sequence[Looked]) -> tuple[Action, Did, list[Edit]]:
        if rule.action == "regenerate":
            return "regenerate", "regenerate", []
        if not rule.replaces:
            return "block", "block", []
        edits = [
            edit
            for one in fired
            for edit in edits_of(rule, one.text, one.hit, self._case, self._quoted(one.text))
        ]
        if not edits:
            return "flag", "flag", []
        return "replace", "replace", edits

    def _quoted(self, text: GuardText) -> Quoted | None:
        """The text as JSON that stays JSON: a number in it becomes a string."""
        is_json = text.place.kind in JSON or (self.stage == "output" and text.place.kind == "other")
        return self._quoting.of(text) if is_json else None


def mount(stage: Stage, text: GuardText) -> Mount:
    """Which of a policy's texts this is."""
    if stage == "output":
        return "output"
    if text.place.kind == "tool_result":
        return "tool"
    if text.place.kind == "context" or text.place.role == "retrieved":
        return "context"
    return "input"


def together(
    rulings: Sequence[tuple[Rule, Action, list[Edit]]], opinions: Sequence[Opinion]
) -> Ruling:
    """The gravest of what all rules want."""
    edits = [edit for _, _, found in rulings for edit in found]
    for wanted in ("block", "regenerate"):
        for rule, action, _ in rulings:
            if action == wanted:
                did = next(one.action for one in opinions if one.name == rule.name)
                unchecked = did in ("timeout", "error")
                message = _LATE if did == "timeout" else _UNCHECKED
                return Ruling(
                    action=action,
                    edits=edits,
                    message=message if unchecked else rule.said.message,
                    unchecked=unchecked,
                    reason=rule.name,
                    opinions=opinions,
                    attempts=rule.said.attempts if action == "regenerate" else 0,
                )
    flagged = any(action == "flag" for _, action, _ in rulings)
    gravest: Action = "replace" if edits else "flag" if flagged else "pass"
    return Ruling(action=gravest, edits=edits, opinions=opinions)


def _worst(rule: Rule, hits: Sequence[Hit]) -> float | None:
    values = [hit.value for hit in hits if hit.value is not None]
    if not values:
        return None
    low_is_bad = rule.signal is not None and rule.signal.scale == "unit"
    return round(min(values) if low_is_bad else max(values), 6)


def _places(fired: Sequence[Looked]) -> tuple[dict[str, object], ...]:
    found = []
    for one in fired:
        place = one.text.place
        at = f"{place.role}/{place.index}/{place.kind}/{place.part}"
        for finding in one.hit.findings if one.hit is not None else ():
            start, end = finding.start + one.text.offset, finding.end + one.text.offset
            said = {"at": at, "start": start, "end": end, "kind": finding.kind}
            found.append({**said, "score": round(finding.score, 4)})
            if len(found) == _MOST_FINDINGS:
                return tuple(found)
    return tuple(found)


def _error(rule: Rule, failed: Looked | None) -> str | None:
    if failed is None:
        return None
    if failed.late:
        return failed.error or f"took longer than {rule.said.budget_ms:g} ms"
    return failed.error
