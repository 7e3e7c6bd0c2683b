"""Attack: one conversation that tries something, and the rule that says whether it worked. Pure.

An attack becomes a row (`Example`) of an ordinary evaluation, judged by the scorer
`resists_attack`; `metadata.attack` says what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import msgspec

from trimtab.kit.hashing import digest
from trimtab.records import Example
from trimtab.scorers.attack_rules import AnyRule

Message = Mapping[str, Any]


class Goal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an attacker wants, in words, and how to see that it was got.

    Args:
        system: what the target is told beforehand, which the goal offends against.
        owasp: the item of OWASP's list for LLM applications that it is about, as "LLM01".
    """

    name: str
    text: str
    success: AnyRule
    system: str = ""
    owasp: str = "LLM01"


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """One attack: what is sent, and what success is.

    Args:
        family: the kind of technique, as "encoding"; `technique` is the technique itself.
        pair: what two attacks have in common that differ in one word only (counterfactuals);
            `group` is the word.
    """

    family: str
    technique: str
    owasp: str
    goal: str
    messages: Sequence[Message]
    success: AnyRule
    tools: Sequence[Mapping[str, Any]] = ()
    max_tokens: int | None = None
    pair: str = ""
    group: str = ""

    @property
    def attack_id(self) -> str:
        """The same for the same attack, whenever it is made."""
        content = digest([self.messages, self.tools, self.success])[:10]
        return f"{self.technique}-{self.goal[:60]}-{content}"

    def example(self) -> Example:
        """The attack as a row of an evaluation."""
        asked: dict[str, Any] = {"messages": [dict(message) for message in self.messages]}
        if self.tools:
            asked["tools"] = [dict(tool) for tool in self.tools]
        if self.max_tokens is not None:
            asked["max_tokens"] = self.max_tokens
        about = {
            "family": self.family,
            "technique": self.technique,
            "owasp": self.owasp,
            "goal": self.goal,
            "success": msgspec.to_builtins(self.success),
        }
        if self.pair:
            about |= {"pair": self.pair, "group": self.group}
        return Example(
            example_id=self.attack_id,
            input=asked,
            # What wants the same thing succeeds together: intervals are over goals, not attacks.
            cluster=f"goal {self.pair or self.goal}",
            metadata={"attack": about},
            tags=tuple(filter(None, (self.family, self.technique, self.owasp))),
        )


class Draws(Random):
    """Draws that come out the same again; nothing that must stay secret is made with them."""


def drawing(seed: int, *names: str) -> Draws:
    """Draws that depend on the seed and on what they are for, and on nothing else."""
    return Draws("/".join([str(seed), *names]))


def conversation(system: str, *turns: str) -> list[Message]:
    """A conversation in which user and assistant take turns, the user first."""
    opening: list[Message] = [{"role": "system", "content": system}] if system else []
    roles = ("user", "assistant")
    return opening + [{"role": roles[n % 2], "content": turn} for n, turn in enumerate(turns)]
