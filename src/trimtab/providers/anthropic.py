"""Anthropic.

Sources: https://docs.anthropic.com/en/api/overview (headers), /en/api/messages.
"""

from __future__ import annotations

import msgspec

from trimtab.ports import Upstream
from trimtab.providers.families import CLAUDE
from trimtab.providers.http import HTTPProvider
from trimtab.providers.wire import (
    ANTHROPIC_CALLER_HEADERS,
    ANTHROPIC_PATHS,
    ANTHROPIC_VERSION,
    PASSTHROUGH,
    Account,
    Wire,
)

BASE_URL = "https://api.anthropic.com/v1"
WIRE = Wire(
    paths=ANTHROPIC_PATHS,
    speaks=("anthropic.messages", "anthropic.count_tokens", PASSTHROUGH),
    credential="x-api-key",
    scheme="",
    headers={"anthropic-version": ANTHROPIC_VERSION},
    caller_headers=ANTHROPIC_CALLER_HEADERS,
    quirks=CLAUDE,
)


def build(account: Account, upstream: Upstream) -> HTTPProvider:
    account = msgspec.structs.replace(account, base_url=account.base_url or BASE_URL)
    return HTTPProvider(WIRE, account, upstream)
