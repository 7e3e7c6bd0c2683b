"""Every route of the server, in one table, each with the permission it needs."""

from __future__ import annotations

from trimtab.api import (
    allowances,
    approved_models,
    asking,
    cache,
    comparisons,
    config,
    dataset_drafts,
    dataset_export,
    dataset_versions,
    datasets,
    export,
    health,
    imports,
    judges,
    keys,
    live,
    llm,
    metrics,
    openapi,
    otlp,
    prometheus,
    prompts,
    releases,
    routes,
    runs,
    scores,
    spend,
    status_page,
    tail,
    traces,
    upkeep,
)
from trimtab.api.frontdoors import langfuse, langsmith, mlflow, opik
from trimtab.api.http import Endpoint, Request, Response, reply


async def _description(_: Request) -> Response:
    return reply(openapi.describe(TABLE))


TABLE: tuple[Endpoint, ...] = (
    *llm.ENDPOINTS,
    *tail.ENDPOINTS,
    *traces.ENDPOINTS,
    *metrics.ENDPOINTS,
    *asking.ENDPOINTS,
    *export.ENDPOINTS,
    *imports.ENDPOINTS,
    *upkeep.ENDPOINTS,
    *config.ENDPOINTS,
    *otlp.ENDPOINTS,
    *langfuse.ENDPOINTS,
    *langsmith.ENDPOINTS,
    *opik.ENDPOINTS,
    *mlflow.ENDPOINTS,
    *scores.ENDPOINTS,
    *prompts.ENDPOINTS,
    *datasets.ENDPOINTS,
    *dataset_drafts.ENDPOINTS,
    *dataset_versions.ENDPOINTS,
    *dataset_export.ENDPOINTS,
    *releases.ENDPOINTS,
    *runs.ENDPOINTS,
    *judges.ENDPOINTS,
    *comparisons.ENDPOINTS,
    *keys.ENDPOINTS,
    *allowances.ENDPOINTS,
    *approved_models.ENDPOINTS,
    *routes.ENDPOINTS,
    *live.ENDPOINTS,
    *cache.ENDPOINTS,
    *spend.ENDPOINTS,
    *prometheus.ENDPOINTS,
    *health.ENDPOINTS,
    Endpoint(
        method="GET",
        path="/api/v1/openapi.json",
        permission=None,
        handler=_description,
        summary="This description",
    ),
    *status_page.ENDPOINTS,
)
