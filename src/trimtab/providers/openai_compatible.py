"""Any server that speaks OpenAI's API: a gateway, a proxy, an inference server.

Sources: https://platform.openai.com/docs/api-reference. Newer servers also take the dialects that
are not spoken unless an account says so (`speaks`).
"""

from __future__ import annotations

from collections.abc import Sequence

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
from trimtab.records import ModelCard

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


class OpenAICompatible(HTTPProvider):
    """A provider at any base URL; the arguments are those of `Account`."""

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str | None,
        models: Sequence[ModelCard],
        timeout_s: float,
        client: Upstream,
        *,
        idle_s: float = 300.0,
    ) -> None:
        account = Account(
            name=name,
            base_url=base_url,
            api_key=api_key,
            cards=tuple(models),
            timeout_s=timeout_s,
            idle_s=idle_s,
        )
        super().__init__(WIRE, account, client)


def build(account: Account, upstream: Upstream) -> HTTPProvider:
    return HTTPProvider(WIRE, account, upstream)
