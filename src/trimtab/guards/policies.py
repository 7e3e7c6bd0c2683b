"""Policies by name: those of the file, of the store and the presets, and which one holds where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import msgspec

from trimtab.errors import ConfigError
from trimtab.guards.presets import PRESETS
from trimtab.records import GuardPolicy, GuardRule, RecordRules, RouteGuards

DEFAULT = "default"
"""The name of the policy of a project's routes that name none."""


class Policies:
    """Everything that a policy may be called by; built once, read by many.

    Args:
        policies: of file and store, of every project; the later of two with one name wins.
        default: what holds where a project has no policy `default` of its own; of no project.
    """

    def __init__(self, policies: Iterable[GuardPolicy] = (), *, default: GuardPolicy) -> None:
        self._own = {(one.project, one.name): one for one in policies}
        self._default = default
        self._resolved: dict[tuple[str, str], GuardPolicy] = {}

    def of(self, project: str, guards: RouteGuards | None = None) -> GuardPolicy:
        """The policy of a route, with all its rules.

        Raises:
            ConfigError: it names a policy that does not exist, or one that extends itself.
        """
        name = guards.policy if guards is not None and guards.policy is not None else DEFAULT
        policy = self.named(project, name)
        if guards is not None and guards.mode is not None:
            policy = msgspec.structs.replace(policy, mode=guards.mode)
        return policy

    def named(self, project: str, name: str) -> GuardPolicy:
        """A policy of a project, with all its rules and without `extends`. Raises ConfigError."""
        key = project, name
        if key not in self._resolved:
            self._resolved[key] = self._flat(project, name, ())
        return self._resolved[key]

    def names(self, project: str) -> list[str]:
        """What a route of a project may name."""
        return sorted({*PRESETS, DEFAULT, *(name for owner, name in self._own if owner == project)})

    def _flat(self, project: str, name: str, seen: tuple[str, ...]) -> GuardPolicy:
        if name in seen:
            raise ConfigError(
                f"the policy {name!r} extends itself: {' -> '.join((*seen, name))}",
                where="guards.policies",
                fix="let one of them extend a preset",
            )
        policy = self._find(project, name)
        if policy.extends is None:
            record = (policy.record or RecordRules()).over()
            return msgspec.structs.replace(policy, mode=policy.mode or "shadow", record=record)
        base = self._flat(project, policy.extends, (*seen, name))
        return over(base, policy)

    def _find(self, project: str, name: str) -> GuardPolicy:
        found = self._own.get((project, name)) or PRESETS.get(name)
        if found is None and name == DEFAULT:
            found = self._default
        if found is None:
            known = self.names(project)
            close = get_close_matches(name, known, n=1)
            raise ConfigError(
                f"there is no policy of guards {name[:100]!r} in project {project!r}",
                where="guards.policy",
                fix=f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}",
                allowed=known,
            )
        return found


def over(base: GuardPolicy, policy: GuardPolicy) -> GuardPolicy:
    """A policy put over another, rule by rule.

    >>> a = GuardPolicy(name="a", rules=(GuardRule(signal="pii"), GuardRule(signal="leak")))
    >>> b = GuardPolicy(name="b", extends="a", rules=(GuardRule(signal="pii", action="block"),))
    >>> [(rule.called, rule.action) for rule in over(a, b).rules]
    [('pii', 'block'), ('leak', 'flag')]
    """
    own: Mapping[str, GuardRule] = {rule.called: rule for rule in policy.rules}
    kept = [own.get(rule.called, rule) for rule in base.rules]
    known = {rule.called for rule in base.rules}
    added = [rule for rule in policy.rules if rule.called not in known]
    return msgspec.structs.replace(
        policy,
        extends=None,
        mode=policy.mode or base.mode or "shadow",
        rules=(*kept, *added),
        record=(policy.record or RecordRules()).over(base.record),
    )
