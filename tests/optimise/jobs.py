"""Jobs of tests: against the simulator itself, without a gateway between."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.optimise.simulator import MODEL, PROMPT, REFLECTOR
from tests.upstream import Upstream

import trimtab
from trimtab.evals.chat import chat_at
from trimtab.evals.outage import Outage
from trimtab.optimiser.result import Found


def optimised(
    upstream: Upstream,
    rows: list[dict[str, Any]],
    *,
    prompt: Any = None,
    metrics: Any = ("exact",),
    **settings: Any,
) -> Found:
    """What comes of a job whose calls go to the simulator over HTTP."""

    async def work() -> Found:
        chat = chat_at(upstream.base_url, None, Outage())
        try:
            return await trimtab.aoptimise(
                prompt or PROMPT,
                rows,
                list(metrics),
                model=MODEL,
                reflect_model=REFLECTOR,
                chat=chat,
                **settings,
            )
        finally:
            await chat.aclose()

    return asyncio.run(work())
