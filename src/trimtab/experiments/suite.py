"""Suite: an evaluation as a file or a program declares it. Pure data, checked when made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, Unpack

import msgspec
from msgspec import Meta

from trimtab.errors import InvalidRequest, MeasureError
from trimtab.experiments.rules import GateRule
from trimtab.records.run import RunTier

if TYPE_CHECKING:
    from trimtab.ports import Scorer
    from trimtab.records import Example

Parameters = Mapping[str, Any]
if TYPE_CHECKING:
    # A program may give the thing itself; a file can only name it, which is all that is decoded.
    Function = str | Callable[..., Any]
    ScorerRef = str | Mapping[str, Parameters | None] | Callable[..., Any] | Scorer
else:
    Function = str
    ScorerRef = str | Mapping[str, Parameters | None]
    """A scorer by name, or by name with its parameters: `exact`, `{contains: {any: [yes, ja]}}`."""

DEFAULT_SCORERS = (
    "answer_correct",
    "token_f1",
    "cites_source",
    "groundedness",
    "abstains",
    "latency",
    "cost",
)
"""What judges a release where nobody says: what can be judged without a model."""


class DataRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the rows come from: a dataset of the store, a file, or rows written in place.

    `map` names the columns or the members (`a.b`) that become `input`, `expected`, `context`,
    `metadata.KEY`, `tags`, `split`, `cluster` and `example_id`. `sample` takes so many rows,
    spread over the splits and tags, the same ones for one `seed`.
    """

    dataset: str | None = None
    file: str | None = None
    rows: Sequence[Mapping[str, Any]] | None = None
    map: Mapping[str, str] = {}
    split: str | None = None
    tags: Sequence[str] = ()
    sample: Annotated[int, Meta(ge=1)] | None = None
    seed: int = 0


class TaskRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What answers the rows; exactly one of the first six.

    Args:
        release: `route@version`, or a route for what is live.
        prompt: a prompt of the store, asked of each of `models` with each of `parameters`.
        models: without a prompt, each row's input is the question itself.
        endpoint: an HTTP endpoint of the application.
        python: `module:function` or `file.py:function`, in a program also the function itself;
            plain, async, or an async generator.
        outputs: a field of the rows (`metadata.answer`) that holds recorded answers.
        parameters: a value for all, or a list of which each is a cell of the matrix.
        tools: passed on to the models.
        url: of a server that speaks OpenAI's chat completions, for `models` that are not behind the
            gateway; `key` is its credential and may name the environment: `${TOKEN}`.
        blocked: what a request is that a guard, a content filter or the model refused: an `error`,
            or an `answer`, `{"blocked": REASON}`, as where refusing is what is tested.
    """

    release: str | None = None
    prompt: str | None = None
    models: Sequence[str] = ()
    endpoint: EndpointRef | None = None
    python: Function | None = None
    outputs: str | None = None
    parameters: Mapping[str, Any] = {}
    tools: Sequence[Mapping[str, Any]] = ()
    url: str | None = None
    key: str | None = None
    blocked: Literal["error", "answer"] = "error"


class EndpointRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An HTTP endpoint: strings of `body` and `url` may hold `{{ input }}` and `{{ metadata.x }}`.

    `output`, `context` and `cost_usd` are paths into the answer (`choices.0.message.content`);
    without `output` the whole body is the answer. `headers` may name the environment: `${TOKEN}`.
    """

    url: str
    method: Literal["POST", "GET", "PUT"] = "POST"
    headers: Mapping[str, str] = {}
    body: Any = None
    output: str | None = None
    context: str | None = None
    cost_usd: str | None = None
    stream: bool = False
    timeout_s: Annotated[float, Meta(gt=0)] = 120.0


class CaseRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case passes a metric when at least `at_least` of its repeats do (all of them if None)."""

    metric: str
    at_least: Annotated[int, Meta(ge=1)] | None = None


class Slice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Groups of cases that are looked at by themselves.

    `by` is `tag`, `split`, `cluster`, `language`, `length` (of the input, in thirds) or
    `metadata.KEY`. With `max_gap` the largest difference between two groups gates (bias gaps).
    """

    by: str
    metric: str | None = None
    max_gap: Annotated[float, Meta(gt=0)] | None = None
    min_cases: Annotated[int, Meta(ge=1)] = 20


class JudgeRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who judges: a route or model, or several as a panel, and how."""

    model: str | Sequence[str]
    parameters: Mapping[str, Any] = msgspec.field(default_factory=lambda: {"temperature": 0})
    repeats: Annotated[int, Meta(ge=1, le=25)] = 1
    timeout_s: Annotated[float, Meta(gt=0)] = 60.0


class SuiteGate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a suite passes.

    `rules` compare with the baseline (`margin`, `must_improve`) and hold the candidate to a
    `floor`; without a baseline only floors and `cases` gate. `coverage` is the least share of
    cases that must be scored, `alpha` the most that may be risked of a verdict without a cause.
    """

    rules: Sequence[GateRule] = ()
    cases: Sequence[CaseRule] = ()
    coverage: Annotated[float, Meta(gt=0, le=1)] = 0.98
    confidence: Annotated[float, Meta(ge=0.5, lt=1)] = 0.95
    alpha: Annotated[float, Meta(gt=0, le=0.5)] = 0.05

    def __post_init__(self) -> None:
        """A file's are checked as they are read, with their places; these are a program's."""
        for name, within, words in (
            ("coverage", 0 < self.coverage <= 1, "above 0 and at most 1"),
            ("confidence", 0.5 <= self.confidence < 1, "at least 0.5 and below 1"),
            ("alpha", 0 < self.alpha <= 0.5, "above 0 and at most 0.5"),
        ):
            if not within:
                raise MeasureError(
                    f"{name} must be {words}", where=f"gate.{name}", got=getattr(self, name)
                )


if TYPE_CHECKING:
    Data = DataRef | str | Path | Sequence[Mapping[str, Any] | Example]
    Task = TaskRef | str | Callable[..., Any]


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One evaluation: data x task x scorers, and when it passes.

    `embedder` is the model of embeddings (`provider/model`) for scorers that compare meanings.

    `scorer_timeout_s` is for one score of a scorer that waits and has no limit of its own; null for
    as long as it takes.

    A program may give `data` as the name of a file or dataset or as rows, and `task` as a function
    or its name, a release or a model: they become a `DataRef` and a `TaskRef`.

    `tier` is the least tier that runs it: a `code` suite runs always, a `full` one only in a full
    run. In a `code` run only scorers of the tier code are applied and no model is asked; in a
    `fast` one a sample of `fast_sample` rows is taken.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.\-/ ]{1,200}$")]
    data: DataRef
    task: TaskRef
    scorers: Sequence[ScorerRef] = ()
    judge: JudgeRef | None = None
    embedder: str | None = None
    tier: RunTier = "code"
    fast_sample: Annotated[int, Meta(ge=1)] = 100
    baseline: str | None = None
    gate: SuiteGate = SuiteGate()
    slices: Sequence[Slice] = ()
    repeat: Annotated[int, Meta(ge=1, le=1000)] = 1
    concurrency: Annotated[int, Meta(ge=1, le=512)] = 8
    seed: int | None = None
    max_cost_usd: Annotated[float, Meta(gt=0)] | None = None
    scorer_timeout_s: Annotated[float, Meta(gt=0)] | None = 300.0
    description: str = ""

    if TYPE_CHECKING:

        def __init__(  # what a program may give is more than what a suite then has
            self,
            *,
            name: str,
            data: Data,
            task: Task,
            scorers: Sequence[ScorerRef] = (),
            gate: SuiteGate = ...,
            **settings: Unpack[SuiteSettings],
        ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "data", data_of(self.data))
        msgspec.structs.force_setattr(self, "task", task_of(self.task))


class SuiteSettings(TypedDict, total=False):
    """What a suite takes beside what it is made of."""

    judge: JudgeRef | None
    embedder: str | None
    tier: RunTier
    fast_sample: int
    baseline: str | None
    slices: Sequence[Slice]
    repeat: int
    concurrency: int
    seed: int | None
    max_cost_usd: float | None
    scorer_timeout_s: float | None
    description: str


def data_of(data: Data) -> DataRef:
    """Where rows come from, however a program says it: a name with an ending is a file.

    Raises:
        InvalidRequest: a row is no mapping.

    >>> data_of("rows.csv").file, data_of("golden@3").dataset, data_of([{"input": "a"}]).rows
    ('rows.csv', 'golden@3', [{'input': 'a'}])
    """
    if isinstance(data, DataRef):
        return data
    if isinstance(data, Path) or (isinstance(data, str) and Path(data).suffix):
        return DataRef(file=str(data))
    if isinstance(data, str):
        return DataRef(dataset=data)
    return DataRef(rows=rows_in(data))


def rows_in(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows of a program as mappings. Raises InvalidRequest where one is none."""
    if isinstance(rows, Mapping) or not isinstance(rows, Iterable):
        raise _no_row(rows, "the data is", "give a list of rows, a file or the name of a dataset")
    found = []
    for number, row in enumerate(rows, start=1):
        try:
            plain = msgspec.to_builtins(row)
        except TypeError:
            plain = None
        if not isinstance(plain, dict):
            fix = 'write each row as {"input": ..., "expected": ...}'
            raise _no_row(row, f"row {number} is", fix)
        found.append(plain)
    return found


def _no_row(given: Any, what: str, fix: str) -> InvalidRequest:
    kind = type(given).__name__
    return InvalidRequest(f"{what} of the type {kind}, no mapping", where="data", fix=fix)


_FUNCTION = re.compile(r"(?:[^:]+\.py|[A-Za-z_][\w.]*):[A-Za-z_][\w.]*")


def task_of(task: Task) -> TaskRef:
    """What answers, however a program says it.

    >>> task_of("app.py:answer").python, task_of("acme/small").models, task_of("docs@2").release
    ('app.py:answer', ('acme/small',), 'docs@2')
    """
    if not isinstance(task, str):
        return TaskRef(python=task) if callable(task) else task
    if _FUNCTION.fullmatch(task):
        return TaskRef(python=task)
    return TaskRef(models=(task,)) if "/" in task else TaskRef(release=task)
