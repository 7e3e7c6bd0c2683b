"""Plans over the gateway: what a step asks goes the way of every call, on behalf of its starter.

So guards, limits, budgets, caches and releases hold, and each call is on record below its step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from trimtab.app.front import Front
from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.answer import Fold
from trimtab.errors import (
    Blocked,
    Conflict,
    Forbidden,
    InvalidRequest,
    ProviderError,
    RateLimited,
)
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Caller
from trimtab.gateway.resolution import Resolution
from trimtab.gateway.target import Target
from trimtab.kit import ids, jsonx
from trimtab.plans.asking import On, Said
from trimtab.plans.execute import Plans
from trimtab.records import PlanRun, Price, Principal, Span, TieredPrice, VirtualKey, text_of
from trimtab.scorers.subjects import trace_cost

_MILLION = 1_000_000
_FRAMING = 64  # tokens that models put around messages
_NAME = "server-id"


def server_name(data: Path) -> str:
    """What names the server of a data directory in all its lives; written there the first time."""
    path = data / _NAME
    found = path.read_text("utf-8").strip() if path.exists() else ""
    if not found:
        found = ids.span_id()
        path.write_text(found, "utf-8")
    return found


class PlanAsk:
    """Asks for one run through the gateway; implements `plans.asking.Ask`."""

    def __init__(self, front: Front, run: PlanRun) -> None:
        self._front = front
        self._run = run

    async def __call__(self, request: Mapping[str, Any], on: On) -> Said:
        """See `Ask`."""
        if on.prompt:
            await asyncio.to_thread(self._require_prompt, request)
        caller = self._caller(on)
        answer = await self._front.gateway.ask(
            DIALECTS["openai.chat"], jsonx.encode(request), caller
        )
        try:
            whole = b"".join([chunk async for chunk in answer.chunks])
        finally:
            await answer.chunks.aclose()
        return _said(answer, whole)

    def most_usd(self, request: Mapping[str, Any]) -> Decimal:
        """See `Ask`: no token is less than a byte, and no answer is longer than it may be.

        What a guard has an answer written again for is not in it.
        """
        resolution = self._resolved(request)
        bounds = [_bound(request, resolution, target) for target in _targets(resolution)]
        known = [bound for bound in bounds if bound is not None]
        if not bounds or len(known) < len(bounds):
            raise InvalidRequest(
                f"nobody can say what a call of {request['model']} costs at most",
                where="budget.usd",
                fix="give `max_tokens` under `parameters`, ask models with a price and, where "
                "passages are found, with context_tokens; or leave budget.usd out",
            )
        return max(known)

    def _resolved(self, request: Mapping[str, Any]) -> Resolution:
        """What may answer. Raises NotFound, InvalidRequest, RouteUnavailable."""
        about = request.get("trimtab", {})
        return self._front.gateway.snapshot.resolve(
            self._run.project, request["model"], prompt_model=about.get("model")
        )

    def _require_prompt(self, request: Mapping[str, Any]) -> None:
        """Raises Conflict where `prompt/NAME` means a route that has the name of the prompt."""
        if self._resolved(request).prompt is None:
            raise Conflict(
                f"{request['model']} is a route or a model, and the step asks for a prompt",
                fix="rename the prompt or the route",
            )

    def _caller(self, on: On) -> Caller:
        """Who started the run, as of now. Raises Forbidden where they may not ask any more."""
        run = self._run
        key = self._key()
        return Caller(
            principal=run.author or "plans",
            project=run.project,
            key=run.key,
            key_user=None if key is None else key.user,
            team=None if key is None else key.team,
            models=None if key is None else key.models,
            environment=run.environment,
            trace_id=on.trace_id,
            parent_id=on.span_id,
            attributes=dict(on.attributes),
        )

    def _key(self) -> VirtualKey | None:
        run = self._run
        if run.key is None:
            return None
        for key in self._front.settings.keys:
            if key.key_id == run.key and key.project == run.project:
                expired = (
                    key.expires_ns is not None and key.expires_ns <= self._front.clock.now_ns()
                )
                if not key.disabled and not expired and _may_run(key):
                    return key
        raise Forbidden(
            f"the key that {run.author} started the run with may not run plans any more",
            fix="resume the run with a key that may",
        )


def _may_run(key: VirtualKey) -> bool:
    principal = Principal(id=key.name, project=key.project, permissions=frozenset(key.permissions))
    return principal.may("plans:run") and principal.may("gateway:call")


def _said(answer: Answer, whole: bytes) -> Said:
    """What came back. Raises RateLimited, ProviderError or InvalidRequest for what is no answer."""
    fold = Fold()
    fold.take(DIALECTS["openai.chat"].reader().body(whole))
    model = answer.headers.get("x-trimtab-model")
    if answer.status == 429:
        wait_s = answer.headers.get("retry-after", "")
        raise RateLimited(
            "the provider has too many requests",
            retry_after_s=int(wait_s) if wait_s.isdecimal() else None,
            cost_usd=Decimal(0),
        )
    if answer.status >= 500 or fold.error:
        raise ProviderError(
            f"{model} failed: {fold.error or f'HTTP {answer.status}'}",
            fix="see the trace for what it said",
            status=answer.status,
        )
    if answer.status >= 400:
        raise InvalidRequest(
            f"{model} refused the request: HTTP {answer.status}", cost_usd=Decimal(0)
        )
    if fold.refusal and not fold.text:
        cost_usd = trace_cost(answer.spans)
        raise Blocked(f"{model} refused: {fold.refusal[:500]}", cost_usd=cost_usd)
    return Said(
        text=fold.text,
        model=model,
        pinned=answer.headers.get("x-trimtab-release") or answer.headers.get("x-trimtab-prompt"),
        cost_usd=trace_cost(answer.spans),
    )


# -- what a call can cost --------------------------------------------------------------------------


def _targets(resolution: Resolution) -> list[Target]:
    """Every model that may answer, whichever arm is drawn and whoever fails."""
    compiled = resolution.compiled
    arms = [resolution.arm, compiled.main, *compiled.split, *compiled.placed.values()]
    pools = [arm.pool for arm in (*arms, compiled.canary) if arm is not None]
    return [target for pool in (*pools, *compiled.fallbacks) for target in pool.targets]


def _bound(request: Mapping[str, Any], resolution: Resolution, target: Target) -> Decimal | None:
    """What a call costs at most at one model; None where nobody can say."""
    price, window = target.card.price, target.card.context_tokens
    read = _most_read(request, resolution)
    read = window if read is None else read
    written = _most_written(request, resolution)
    written = window if written is None else written
    if price is None or read is None or written is None:
        return None
    tiers = (price, price.beyond) if isinstance(price, TieredPrice) else (price,)
    costs = [_cost(tier, read, written) for tier in tiers]
    return None if None in costs else max(cost for cost in costs if cost is not None)


def _cost(price: Price, read: int, written: int) -> Decimal | None:
    if price.input is None or price.output is None:
        return None
    reading = (price.input, price.cache_read, price.cache_write_5m, price.cache_write_1h)
    writing = (price.output, price.reasoning)
    dearest = [max(rate or Decimal(0) for rate in rates) for rates in (reading, writing)]
    return (dearest[0] * read + dearest[1] * written) / _MILLION


def _most_read(request: Mapping[str, Any], resolution: Resolution) -> int | None:
    """Tokens that go in at most; None where passages are found, whose size nobody knows before."""
    compiled = resolution.compiled
    several = compiled.split or compiled.canary is not None or compiled.placed
    if resolution.deployment is not None and (
        resolution.deployment.retriever is not None or several
    ):
        return None
    size = len(jsonx.encode(request))
    if resolution.template is not None:
        variables = request.get("trimtab", {}).get("variables", {})
        asked = "".join(text_of(message["content"]) for message in request["messages"])
        opening = resolution.template.render({**variables, "passages": "", "question": asked})
        prompt = resolution.template.prompt
        size += len(jsonx.encode([opening, prompt.tools, prompt.output_schema]))
    return size + _FRAMING


def _most_written(request: Mapping[str, Any], resolution: Resolution) -> int | None:
    """Tokens that come out at most; the request says so, or what answers."""
    for fields in (request, resolution.parameters):
        for name in ("max_completion_tokens", "max_tokens"):
            if isinstance(limit := fields.get(name), int):
                return limit
    return None


def own_plans(front: Front, data: Path) -> Plans:
    """The runs of plans of one server."""

    def redact(span: Span) -> Span:
        return front.guarding.refused(span)

    return Plans(
        store=front.metadata.plans,
        recorder=front.tracing,
        ask=lambda run: PlanAsk(front, run),
        clock=front.clock,
        server=server_name(data),
        redact=redact,
    )
