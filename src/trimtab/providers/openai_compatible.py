"""Any server that speaks OpenAI's API: a gateway, a proxy, an inference server.

Sources: https://platform.openai.com/docs/api-reference. Newer servers also take the dialects that
are not spoken unless an account says so (`speaks`).
"""

from __future__ import annotations

from trimtab.ports import Upstream
from trimtab.providers.http import HTTPProvider
from trimtab.providers.wire import (
    ANTHROPIC_CALLER_HEADERS,
    ANTHROPIC_PATHS,
    OPENAI_CALLER_HEADERS,
    OPENAI_PATHS,
    PASSTHROUGH,
    Account,
    Wire,
)

WIRE = Wire(
    paths={**OPENAI_PATHS, **ANTHROPIC_PATHS},
    speaks=(
        "openai.chat",
        "openai.completions",
        "openai.embeddings",
        "openai.moderations",
        PASSTHROUGH,
    ),
    caller_headers=OPENAI_CALLER_HEADERS | ANTHROPIC_CALLER_HEADERS,
)


def build(account: Account, upstream: Upstream) -> HTTPProvider:
    return HTTPProvider(WIRE, account, upstream)
