"""Providers of the kind `openai_compatible`, for tests that bring a server of their own."""

from __future__ import annotations

from typing import Any

from trimtab.kit.http1 import HTTP1Client
from trimtab.ports import Provider, Upstream
from trimtab.providers.kinds import KINDS
from trimtab.providers.wire import Account


def compatible(
    base_url: str, name: str = "far", *, client: Upstream | None = None, **account: Any
) -> Provider:
    """One at a base URL; `account` has other fields of `Account`."""
    settings = {"timeout_s": 20.0, **account}
    known = Account(name=name, base_url=base_url, **settings)
    return KINDS["openai_compatible"](known, client or HTTP1Client())
