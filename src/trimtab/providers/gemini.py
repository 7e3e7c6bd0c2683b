"""Google's Gemini API, with an API key.

Source: https://ai.google.dev/api.
"""

from __future__ import annotations

import msgspec

from trimtab.ports import Upstream
from trimtab.providers.clouds import GEMINI, IN_THE_URL, CloudProvider
from trimtab.providers.wire import PASSTHROUGH, Account, Wire

BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
WIRE = Wire(
    paths={GEMINI: "/models/{model}:generateContent"},
    stream_paths={GEMINI: "/models/{model}:streamGenerateContent?alt=sse"},
    speaks=(GEMINI, PASSTHROUGH),
    credential="x-goog-api-key",
    scheme="",
    quirks=(IN_THE_URL,),
)


def build(account: Account, upstream: Upstream) -> CloudProvider:
    account = msgspec.structs.replace(account, base_url=account.base_url or BASE_URL)
    return CloudProvider(WIRE, account, upstream)
