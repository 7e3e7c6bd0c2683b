"""Azure OpenAI, by deployment name, on both of its surfaces.

Without an `api_version` the calls go to the v1 surface, which names the deployment in the body;
with one they go to the older one, which names it in the path and has a version in every URL.

Sources: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference and
https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle.
"""

from __future__ import annotations

import msgspec

from trimtab.ports import Upstream
from trimtab.providers.families import OPENAI
from trimtab.providers.http import HTTPProvider
from trimtab.providers.quirks import Quirk
from trimtab.providers.wire import OPENAI_PATHS, PASSTHROUGH, Account, Wire

_SURFACES = ("/openai/v1", "/openai")
# In the path a deployment is named only by the older calls; the others name it in the body.
_BY_PATH = ("openai.chat", "openai.completions", "openai.embeddings")
_STREAM_OPTIONS_SINCE = "2024-09"
_SPEAKS = ("openai.chat", "openai.responses", "openai.completions", "openai.embeddings")

WIRE = Wire(
    paths={dialect: f"/openai/v1{OPENAI_PATHS[dialect]}" for dialect in _SPEAKS},
    speaks=(*_SPEAKS, PASSTHROUGH),
    passthrough_root="/openai/v1",
    credential="api-key",
    scheme="",
    quirks=OPENAI,
)
_CLASSIC_PATHS = {
    "openai.responses": "/openai/responses",
    **{name: f"/openai/deployments/{{model}}{OPENAI_PATHS[name]}" for name in _BY_PATH},
}


def classic(api_version: str) -> Wire:
    """The surface that was there before v1, in one of its versions."""
    old = api_version < _STREAM_OPTIONS_SINCE
    return msgspec.structs.replace(
        WIRE,
        paths=_CLASSIC_PATHS,
        passthrough_root="/openai",
        query={"api-version": api_version},
        quirks=(*OPENAI, Quirk(refused=("stream_options",))) if old else OPENAI,
    )


def build(account: Account, upstream: Upstream) -> HTTPProvider:
    """`base_url` is the resource's address, with or without `/openai` or `/openai/v1`."""
    base_url = (account.base_url or "").rstrip("/")
    for surface in _SURFACES:
        base_url = base_url.removesuffix(surface)
    wire = classic(account.api_version) if account.api_version else WIRE
    return HTTPProvider(wire, msgspec.structs.replace(account, base_url=base_url), upstream)
