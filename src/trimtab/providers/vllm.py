"""vLLM's own server.

Sources: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html. Newer versions also
take `anthropic.messages`; an account says so (`speaks`).
"""

from __future__ import annotations

import msgspec

from trimtab.ports import Upstream
from trimtab.providers.http import HTTPProvider
from trimtab.providers.wire import ANTHROPIC_PATHS, OPENAI_PATHS, PASSTHROUGH, Account, Wire

BASE_URL = "http://127.0.0.1:8000/v1"
WIRE = Wire(
    paths={**OPENAI_PATHS, **ANTHROPIC_PATHS},
    speaks=(
        "openai.chat",
        "openai.responses",
        "openai.completions",
        "openai.embeddings",
        PASSTHROUGH,
    ),
)


def build(account: Account, upstream: Upstream) -> HTTPProvider:
    account = msgspec.structs.replace(account, base_url=account.base_url or BASE_URL)
    return HTTPProvider(WIRE, account, upstream)
