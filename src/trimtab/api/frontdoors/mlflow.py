"""MLflow: what a trace says as a whole, assessments, experiments, and the version it asks first.

Its spans come by OTLP; see `trimtab.api.otlp`.
"""

from __future__ import annotations

from trimtab.api.frontdoors.taking import INGEST, SCORE, judged, read, report
from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.dialects import mlflow
from trimtab.dialects.sdk import fields_of, id_of, read_json
from trimtab.errors import InvalidRequest

_TRACES = "/api/3.0/mlflow/traces"
_EXPERIMENTS = "/api/2.0/mlflow/experiments"


async def version(_: Request) -> Response:
    return Response(body=mlflow.VERSION.encode(), media_type="text/plain; charset=utf-8")


async def trace(request: Request) -> Response:
    """Take what is said of a trace as a whole, judgements too, and give it back as it is kept."""
    info = await read(request, lambda: mlflow.read_trace(request.body))
    await request.app.ingest.assembler.patch_root(request.project, mlflow.patch_of(info))
    feedback, wrong = mlflow.read_assessments(info)
    refused = await judged(request, feedback)
    report(request, "MLflow", [*wrong, *refused.values()])
    return reply(mlflow.kept(info))


async def assess(request: Request) -> Response:
    """Take a judgement, and give it back with its id."""
    feedback, said = mlflow.read_assessment(request.body, request.path["trace_id"])
    if errors := await judged(request, [feedback]):
        raise errors[0]
    return reply(said)


async def experiment_by_name(request: Request) -> Response:
    name = request.query.get("experiment_name")
    if not name:
        raise InvalidRequest("there is no name", where="query parameter experiment_name")
    return reply(mlflow.experiment(mlflow.experiment_id(name), name))


async def experiment(request: Request) -> Response:
    number = request.query.get("experiment_id") or "0"
    name = mlflow.DEFAULT_EXPERIMENT if number == "0" else f"experiment {number[:100]}"
    return reply(mlflow.experiment(number[:100], name))


async def create_experiment(request: Request) -> Response:
    """Nothing is created: an experiment is its name."""
    name = id_of(fields_of(read_json(request.body), what="$"), "name")
    return reply({"experiment_id": mlflow.experiment_id(name)})


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/version",
        permission=None,
        handler=version,
        summary="The version of MLflow's protocol, for its client",
    ),
    Endpoint(
        method="POST",
        path=_TRACES,
        permission=INGEST,
        handler=trace,
        summary="Take what MLflow's client says of a trace as a whole",
        bulk=True,
    ),
    Endpoint(
        method="POST",
        path=f"{_TRACES}/{{trace_id}}/assessments",
        permission=SCORE,
        handler=assess,
        summary="Take a judgement of MLflow's client",
    ),
    Endpoint(
        method="GET",
        path=f"{_EXPERIMENTS}/get-by-name",
        permission=INGEST,
        handler=experiment_by_name,
        summary="The experiment of a name, for MLflow's client",
        query={"experiment_name": "its name"},
    ),
    Endpoint(
        method="GET",
        path=f"{_EXPERIMENTS}/get",
        permission=INGEST,
        handler=experiment,
        summary="The experiment of an id, for MLflow's client",
        query={"experiment_id": "its id"},
    ),
    Endpoint(
        method="POST",
        path=f"{_EXPERIMENTS}/create",
        permission=INGEST,
        handler=create_experiment,
        summary="The id of an experiment, for MLflow's client",
    ),
]
