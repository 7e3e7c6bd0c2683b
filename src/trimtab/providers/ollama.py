"""Ollama.

Sources: https://docs.ollama.com/api/openai-compatibility. Newer versions also take
`openai.responses` and `anthropic.messages`; an account says so (`speaks`).
"""

from __future__ import annotations

import msgspec

from trimtab.ports import Upstream
from trimtab.providers.http import HTTPProvider
from trimtab.providers.wire import ANTHROPIC_PATHS, OPENAI_PATHS, PASSTHROUGH, Account, Wire

BASE_URL = "http://127.0.0.1:11434/v1"
WIRE = Wire(
    paths={**OPENAI_PATHS, **ANTHROPIC_PATHS},
    speaks=("openai.chat", "openai.completions", "openai.embeddings", PASSTHROUGH),
)


def build(account: Account, upstream: Upstream) -> HTTPProvider:
    account = msgspec.structs.replace(account, base_url=account.base_url or BASE_URL)
    return HTTPProvider(WIRE, account, upstream)
