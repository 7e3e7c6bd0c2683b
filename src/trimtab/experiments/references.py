"""References: where a suite's rows come from, what answers them and who judges. Pure data.

A program may give the things themselves; a file can only name them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from trimtab.errors import InvalidRequest

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

_FUNCTION = re.compile(r"(?:[^:]+\.py|[A-Za-z_][\w.]*):[A-Za-z_][\w.]*")


class DataRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the rows come from: a dataset of the store, a file, or rows written in place.

    `map` names the columns or the members (`a.b`) that become `input`, `expected`, `context`,
    `metadata.KEY`, `tags`, `split`, `cluster` and `example_id`. `sample` takes so many rows,
    spread over the splits and tags, the same ones for one `seed`.

    `encoding` is that of a file's text, `max_cell_bytes` the longest value of a column that is
    taken (1 MiB where it is not said), and `mixed` allows inputs, and what is expected, of several
    types.
    """

    dataset: str | None = None
    file: str | None = None
    rows: Sequence[Mapping[str, Any]] | None = None
    map: Mapping[str, str] = {}
    split: str | None = None
    tags: Sequence[str] = ()
    sample: Annotated[int, Meta(ge=1)] | None = None
    seed: int = 0
    encoding: str = "utf-8"
    max_cell_bytes: Annotated[int, Meta(ge=1)] | None = None
    mixed: bool = False


class TaskRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What answers the rows; exactly one of the first seven.

    Args:
        release: `route@version`, or a route for what is live.
        prompt: a prompt of the store, asked of each of `models` with each of `parameters`.
        models: without a prompt, each row's input is the question itself.
        plan: a plan of the store, run with the row's input: an object of its inputs, or the value
            of the only one it needs.
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
    plan: str | None = None
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


class JudgeRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who judges: a route or model, or several as a panel, and how."""

    model: str | Sequence[str]
    parameters: Mapping[str, Any] = msgspec.field(default_factory=lambda: {"temperature": 0})
    repeats: Annotated[int, Meta(ge=1, le=25)] = 1
    timeout_s: Annotated[float, Meta(gt=0)] = 60.0


if TYPE_CHECKING:
    Data = DataRef | str | Path | Sequence[Mapping[str, Any] | Example]
    Task = TaskRef | str | Callable[..., Any]


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
    return list(each_row(rows))


def each_row(rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """`rows_in` one by one: copies of all of them at once are as large as they are."""
    if isinstance(rows, Mapping) or not isinstance(rows, Iterable):
        raise _no_row(rows, "the data is", "give a list of rows, a file or the name of a dataset")
    for number, row in enumerate(rows, start=1):
        try:
            plain = msgspec.to_builtins(row)
        except TypeError:
            plain = None
        if not isinstance(plain, dict):
            fix = 'write each row as {"input": ..., "expected": ...}'
            raise _no_row(row, f"row {number} is", fix)
        yield plain


def _no_row(given: Any, what: str, fix: str) -> InvalidRequest:
    kind = type(given).__name__
    return InvalidRequest(f"{what} of the type {kind}, no mapping", where="data", fix=fix)


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
