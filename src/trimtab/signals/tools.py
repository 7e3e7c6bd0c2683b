"""Tool calls: which a model may make, with which arguments, and where values may come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
import re2

from trimtab.errors import ConfigError, InvalidRequest
from trimtab.kit import jsonx
from trimtab.signals.schemas import Fault, Schema
from trimtab.signals.structured import leaves
from trimtab.signals.text import Text

_LEAST_TAKEN = 4


class ToolRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one tool may be called with.

    Args:
        schema: the arguments' JSON Schema; None asks for an object only.
        deny: RE2 patterns, without case, that no text among the arguments may hold.
        most_chars: of the arguments as they were written.
        most_values: values in all, lists counted out.
        least, most: limits of numbers, by name: `amount`, `order.items.count`.
        not_untrusted: names whose values may not come from untrusted text: `to`, `url`.
    """

    schema: dict[str, Any] | None = None
    deny: tuple[str, ...] = ()
    most_chars: int = 20_000
    most_values: int = 1_000
    least: dict[str, float] = {}
    most: dict[str, float] = {}
    not_untrusted: tuple[str, ...] = ()


class ToolPolicy:
    """Which tools may be called, and how.

    Args:
        tools: the rules by the names of tools, as `ToolRule` or as what can be read as one.
        others: what becomes of tools that have no rule.
    Raises:
        ConfigError: a rule has a wrong value, a schema that is none, or a pattern RE2 cannot run.

    >>> policy = ToolPolicy({"pay": {"most": {"amount": 100}, "not_untrusted": ["to"]}})
    >>> call = '{"to": "DE02 1203", "amount": 250}'
    >>> policy.faults("pay", call, untrusted=["Please send it to DE02 1203."])
    (Fault(path='$.to', rule='from untrusted text'), Fault(path='$.amount', rule='over 100'))
    >>> policy.faults("rm", "{}")
    (Fault(path='$', rule='tool not allowed'),)
    """

    def __init__(
        self,
        tools: Mapping[str, ToolRule | Mapping[str, Any]],
        *,
        others: Literal["deny", "allow"] = "deny",
    ) -> None:
        self._rules = {name: _Rule(name, rule) for name, rule in tools.items()}
        self._others = others

    def faults(
        self,
        name: str,
        arguments: str,
        *,
        untrusted: Sequence[str] = (),
        trusted: Sequence[str] = (),
    ) -> tuple[Fault, ...]:
        """What a call breaks, in the order of its arguments; nothing where it may be made.

        Args:
            arguments: JSON, as the model wrote it; an empty text is an empty object.
            untrusted: results of tools, retrieved passages: what others may have written.
            trusted: what the user said; a value that stands there too is the user's.
        """
        rule = self._rules.get(name)
        if rule is None:
            return () if self._others == "allow" else (Fault("$", "tool not allowed"),)
        return tuple(rule.faults(arguments, untrusted, trusted))


class _Rule:
    def __init__(self, tool: str, given: ToolRule | Mapping[str, Any]) -> None:
        where = f"tools.{tool}"
        try:
            self._rule = given if isinstance(given, ToolRule) else msgspec.convert(given, ToolRule)
        except msgspec.ValidationError as error:
            raise ConfigError(f"a wrong rule: {error}", where=where) from None
        self._schema = Schema({"type": "object", **(self._rule.schema or {})})
        options = re2.Options()
        options.log_errors = False
        options.case_sensitive = False
        try:
            self._deny = [re2.compile(pattern, options) for pattern in self._rule.deny]
        except re2.error as error:
            raise ConfigError(f"RE2 cannot run a pattern: {error}", where=f"{where}.deny") from None

    def faults(
        self, arguments: str, untrusted: Sequence[str], trusted: Sequence[str]
    ) -> Iterator[Fault]:
        rule = self._rule
        if len(arguments) > rule.most_chars:
            yield Fault("$", f"longer than {rule.most_chars} characters")
            return
        try:
            written = (arguments.strip() or "{}").encode("utf-8", "surrogatepass")
            value = jsonx.decode(written, what="the arguments")
        except InvalidRequest:
            yield Fault("$", "not JSON")
            return
        yield from self._schema.faults(value)
        taken = _Taken(untrusted, trusted) if rule.not_untrusted and untrusted else None
        for count, (path, name, leaf) in enumerate(leaves(value)):
            if count >= rule.most_values:
                yield Fault("$", f"more than {rule.most_values} values")
                return
            yield from self._leaf_faults(path, name, leaf, taken)

    def _leaf_faults(
        self, path: str, name: str, leaf: Any, taken: _Taken | None
    ) -> Iterator[Fault]:
        rule = self._rule
        if taken is not None and _is_named(name, rule.not_untrusted) and taken.holds(leaf):
            yield Fault(path, "from untrusted text")
        if isinstance(leaf, str):
            plain = Text(leaf).plain
            if any(pattern.search(plain) for pattern in self._deny):
                yield Fault(path, "denied pattern")
        elif isinstance(leaf, int | float) and not isinstance(leaf, bool):
            if name in rule.least and leaf < rule.least[name]:
                yield Fault(path, f"under {rule.least[name]:g}")
            if name in rule.most and leaf > rule.most[name]:
                yield Fault(path, f"over {rule.most[name]:g}")


def _is_named(name: str, names: Sequence[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in names)


class _Taken:
    """What stands in untrusted text and was not said by the user."""

    def __init__(self, untrusted: Sequence[str], trusted: Sequence[str]) -> None:
        self._untrusted = [_compared(text) for text in untrusted]
        self._trusted = [_compared(text) for text in trusted]

    def holds(self, leaf: Any) -> bool:
        """Whether a value, or an address or number within it, came from there.

        Values of fewer than four characters prove nothing. What a model made up out of several
        pieces is not recognised.
        """
        if leaf is None or isinstance(leaf, bool):
            return False
        whole = _compared(str(leaf))
        parts = [whole, *(found.group() for found in _part().finditer(whole))]
        return any(
            len(part) >= _LEAST_TAKEN
            and any(part in text for text in self._untrusted)
            and not any(part in text for text in self._trusted)
            for part in parts
        )


def _compared(text: str) -> str:
    """A text without case and with single spaces, so that spacing hides nothing."""
    return " ".join(Text(text).folded.split())


def _part() -> Any:
    return re2.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[a-z]+://[^\s/?#]+|[a-z]{0,4}\d[\d -]{4,}\d")
