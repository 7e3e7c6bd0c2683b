"""Kinds: what the findings of a signal may be called, for rules that name some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trimtab.records import GuardRule
from trimtab.signals.signal import Signal

_KNOWN: Mapping[str, tuple[str, ...]] = {
    "code": ("code_block",),
    "groundedness": ("unsupported",),
    "leak": ("canary", "prompt_leak"),
    "toxicity": ("toxicity",),
    "unicode": (
        "bidi_control",
        "control",
        "homoglyph",
        "stacked_marks",
        "tag_characters",
        "variation_selectors",
        "zero_width",
    ),
}
# Beside the keys that have shapes of their own.
_SECRETS = (
    "basic_auth_credentials",
    "basic_auth_url",
    "bearer_token",
    "connection_string",
    "generic_secret",
    "password",
    "private_key",
)
_EXFILTRATION = (
    "ambiguous_host",
    "css_url",
    "data_uri",
    "homoglyph_host",
    "host_not_allowed",
    "html_form",
    "html_image",
    "html_link",
    "html_refresh",
    "ip_host",
    "markdown_image",
    "markdown_link",
    "mismatched_link",
    "punycode_host",
    "redirect",
    "reference_link",
    "script_uri",
    "terminal_escape",
    "terminal_hyperlink",
    "url",
    "url_with_credentials",
)


def kinds_of(rule: GuardRule, signal: Signal) -> Sequence[str] | None:
    """The kinds that the findings of a signal have; None where they are not known."""
    name = rule.signal or ""
    if name == "bans":
        # One that was not made from the catalogue may not say them.
        return getattr(signal, "kinds", None)
    if name == "topics":
        named: Mapping[str, object] | None = getattr(signal, "topics", None)
        return None if named is None else sorted(named)
    if name == "pii" and "recogniser" in rule.settings:
        return None
    look = _LOOKED_UP.get(name)
    return look() if look is not None else _KNOWN.get(name)


def _of_pii() -> Sequence[str]:
    from trimtab.signals.pii.signal import KINDS

    return KINDS


def _of_injection() -> Sequence[str]:
    from trimtab.signals.injection.rules import KINDS

    return KINDS


def _of_secrets() -> Sequence[str]:
    from trimtab.signals.secrets.kinds import KINDS

    return sorted({*_SECRETS, *(kind.name for kind in KINDS)})


def _of_sinks() -> Sequence[str]:
    from trimtab.signals.sink_rules import RULES

    return sorted({one.kind for rules in RULES.values() for one in rules})


def _of_exfiltration() -> Sequence[str]:
    from trimtab.signals.links import LOADED_TAGS

    tags = {f"html_{tag}" for tag in LOADED_TAGS - {"img", "image", "input"}}
    return sorted({*_EXFILTRATION, *tags})


_LOOKED_UP: Mapping[str, Callable[[], Sequence[str]]] = {
    "exfiltration": _of_exfiltration,
    "injection": _of_injection,
    "pii": _of_pii,
    "secrets": _of_secrets,
    "sinks": _of_sinks,
}
