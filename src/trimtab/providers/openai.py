"""OpenAI.

Source: https://platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

import msgspec

from trimtab.ports import Upstream
from trimtab.providers.families import OPENAI
from trimtab.providers.http import HTTPProvider
from trimtab.providers.wire import (
    OPENAI_CALLER_HEADERS,
    OPENAI_PATHS,
    PASSTHROUGH,
    Account,
    Wire,
)

BASE_URL = "https://api.openai.com/v1"
WIRE = Wire(
    paths=OPENAI_PATHS,
    speaks=(
        "openai.chat",
        "openai.responses",
        "openai.completions",
        "openai.embeddings",
        "openai.moderations",
        PASSTHROUGH,
    ),
    caller_headers=OPENAI_CALLER_HEADERS,
    quirks=OPENAI,
)


def build(account: Account, upstream: Upstream) -> HTTPProvider:
    account = msgspec.structs.replace(account, base_url=account.base_url or BASE_URL)
    return HTTPProvider(WIRE, account, upstream)
