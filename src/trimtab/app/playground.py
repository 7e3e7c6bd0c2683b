"""The playground of a server: columns become calls of the gateway, prompts, and runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trimtab.app.front import Front
from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.openai_chat import check_parameters, on_wire
from trimtab.errors import NotFound
from trimtab.experiments.execute import Described, Experiments, new_run
from trimtab.experiments.suite import DEFAULT_SCORERS
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Caller
from trimtab.gateway.prompted import Edited, prompted
from trimtab.gateway.task import PromptTask, ReleaseTask
from trimtab.kit import ids, jsonx
from trimtab.kit.hashing import digest
from trimtab.playground.column import Column
from trimtab.playground.draft import content_of
from trimtab.playground.recorded import Recorded, recorded
from trimtab.playground.stream import Stream, Streams
from trimtab.playground.telling import Ask, Problem
from trimtab.ports import Task, TelemetryStore, Template
from trimtab.prompts.bundle import bundled
from trimtab.prompts.preview import Preview, preview
from trimtab.prompts.template import CompiledPrompt
from trimtab.prompts.write import Draft, Writer
from trimtab.records import Prompt, PromptBundle, Run
from trimtab.records.span import PLAYGROUND
from trimtab.scorers.registry import resolve

_DRAFT = "draft"  # The name of what has none; no span names it.


class Playground:
    """What the playground asks of an application."""

    def __init__(
        self, front: Front, telemetry: TelemetryStore, experiments: Experiments, writer: Writer
    ) -> None:
        self._front = front
        self._telemetry = telemetry
        self._experiments = experiments
        self._writer = writer
        self.streams = Streams(front.clock)

    def open(self, columns: Sequence[Column], caller: Caller, problem: Problem) -> Stream:
        """A stream of columns, each asked through the gateway as this caller.

        Raises:
            Overloaded: too many streams are open.
        """

        def ask(stream_id: str) -> Ask:
            async def asked(column: Column, trace_id: str) -> Answer:
                marks = {PLAYGROUND: stream_id, f"{PLAYGROUND}.column": column.id}
                own = msgspec.structs.replace(
                    trying(caller, column),
                    trace_id=trace_id,
                    attributes={**caller.attributes, **marks},
                )
                return await self._ask(column, own)

            return asked

        owner = caller.project, caller.principal
        return self.streams.open(columns, owner=owner, ask=ask, problem=problem)

    async def _ask(self, column: Column, caller: Caller) -> Answer:
        streamed = {"stream": True, "stream_options": {"include_usage": True}}
        fields = {**fields_of(column), **streamed}
        turns = [on_wire(turn) for turn in column.messages]
        template = await self.template(caller.project, column)
        gateway = self._front.gateway
        if template is not None:
            ask = prompted(
                template,
                caller,
                model=column.model,
                fields=fields,
                variables=column.variables,
                messages=turns,
            )
            return await gateway.put(ask)
        body = jsonx.encode({**fields, "model": column.model, "messages": turns})
        chat = DIALECTS["openai.chat"]
        return await gateway.ask(chat, body, caller, variables=column.variables)

    async def template(self, project: str, column: Column) -> Template | None:
        """The words of a column ready to render, with its settings; None without a prompt.

        Raises:
            NotFound: there is no such prompt.
            InvalidRequest: the draft, or what it takes in, cannot be used.
        """
        check_parameters(column.parameters)
        if not column.has_prompt:
            return None
        compiled = await asyncio.to_thread(self._compiled, project, column)
        return Edited(
            compiled,
            parameters=column.parameters,
            tools=column.tools,
            output_schema=column.output_schema,
        )

    def _compiled(self, project: str, column: Column) -> CompiledPrompt:
        if column.prompt is not None:
            return CompiledPrompt.of(self._completed(project, self._stored(project, column.prompt)))
        return CompiledPrompt.of(self._bundle(project, column, with_messages=False))

    def _bundle(self, project: str, column: Column, *, with_messages: bool) -> PromptBundle:
        """A column as a prompt that is not stored. Raises InvalidRequest, NotFound."""
        draft = self._draft(project, column, _DRAFT, with_messages=with_messages)
        return self._completed(project, self._writer.checked(project, draft))

    def _draft(self, project: str, column: Column, name: str, *, with_messages: bool) -> Draft:
        stored = None if column.prompt is None else self._stored(project, column.prompt)
        content = content_of(column, stored, with_messages=with_messages)
        return Draft(name=name, **msgspec.structs.asdict(content))

    def _stored(self, project: str, ref: str) -> Prompt:
        return self._front.metadata.prompts.get(project, ref.removesuffix("@latest"))

    def _completed(self, project: str, prompt: Prompt) -> PromptBundle:
        metadata = self._front.metadata
        return bundled(
            prompt,
            lambda ref: metadata.prompts.get(project, ref),
            lambda ref: metadata.datasets.rows(project, ref),
        )

    # -- before and after --------------------------------------------------------------------------

    def preview(self, project: str, column: Column, models: Sequence[str]) -> Preview:
        """What a column would send, how long it is, and what it would cost each model.

        Raises:
            InvalidRequest: it cannot be rendered.
            NotFound: there is no such prompt or model.
        """
        snapshot = self._front.gateway.snapshot
        named = [
            model
            for name in models or [column.model]
            for model in snapshot.resolve(project, name).arm.pool.ids
        ]
        found = (snapshot.target(model) for model in dict.fromkeys(named))
        cards = [target.card for target in found if target is not None]
        bundle = self._bundle(project, column, with_messages=True)
        return preview(bundle, column.variables, cards)

    def save(
        self,
        caller: Caller,
        column: Column,
        name: str,
        *,
        note: str,
        over: int | None,
        turns: bool,
        allow_secrets: bool = False,
    ) -> Prompt:
        """Write a column as the next version of a prompt.

        Args:
            turns: its conversation belongs to it.
        Raises:
            InvalidRequest, Conflict: as `prompts.write.Writer.write`.
        """
        project, who = caller.project, caller.principal
        draft = self._draft(project, column, name, with_messages=turns)
        told = msgspec.structs.replace(draft, note=note or f"from the playground{_origin(column)}")
        write = self._writer.write
        return write(project, told, author=who, over=over, allow_secrets=allow_secrets)

    def recorded(self, project: str, trace_id: str, span_id: str) -> Recorded:
        """A recorded span as a column.

        Raises:
            NotFound: there is no such span.
            InvalidRequest: it is no call of a model.
        """
        trace = self._telemetry.trace(project, trace_id)
        span = next((one for one in trace or () if one.span_id == span_id), None)
        if span is None:
            raise NotFound(
                f"no span {span_id[:50]} in trace {trace_id[:50]}",
                fix=f"GET /api/v1/traces/{trace_id[:50]}?payloads=false lists its spans",
            )
        metadata, release, prompt = self._front.metadata, None, None
        if span.release is not None:
            release = metadata.releases.get(project, span.release)
            if release.prompt is not None:
                prompt = metadata.prompts.get(project, release.prompt)
        return recorded(span, trace, release=release, prompt=prompt)

    # -- runs --------------------------------------------------------------------------------------

    async def start_runs(
        self,
        caller: Caller,
        columns: Sequence[Column],
        *,
        dataset: str,
        scorers: Sequence[str] = (),
        name: str = "",
        split: str | None = None,
        concurrency: int = 4,
    ) -> list[Run]:
        """Start an experiment for each column in the background.

        Raises:
            NotFound: the dataset, a prompt or a model does not exist; nothing was started.
            InvalidRequest: a column cannot be asked.
            Conflict: there is nothing to run.
            ScorerError: a scorer does not exist.
        """
        app, project = self._front, caller.project
        judges = resolve(scorers or DEFAULT_SCORERS)
        version = await asyncio.to_thread(app.metadata.datasets.get, project, dataset)
        rows = await asyncio.to_thread(app.metadata.datasets.examples, project, version.ref)
        examples = [row for row in rows if split is None or row.split == split]
        begun: list[tuple[Run, Task]] = []
        for column in columns:
            template = await self.template(project, column)
            await asyncio.to_thread(app.gateway.snapshot.resolve, project, column.model)
            words = _described(column, template, project)
            run = new_run(
                ids.uuid7(app.clock.now_ns()),
                name=f"{name}: {column.id}" if name else f"{words.task} on {version.ref}",
                release=words,
                dataset=version,
                split=split,
                examples=examples,
                scorers=judges,
                clock=app.clock,
            )
            begun.append((run, self._task(column, template, caller, run.run_id)))
        for run, task in begun:
            await asyncio.to_thread(app.metadata.runs.put, run)
            self._experiments.start(run, task, examples, judges, concurrency=concurrency)
        return [run for run, _ in begun]

    def _task(self, column: Column, template: Template | None, caller: Caller, run_id: str) -> Task:
        own = msgspec.structs.replace(trying(caller, column), run=run_id)
        gateway, fields = self._front.gateway, fields_of(column)
        if template is None:
            return ReleaseTask(gateway, model=column.model, caller=own, fields=fields)
        return PromptTask(
            gateway,
            template,
            model=column.model,
            caller=own,
            variables=column.variables,
            fields=fields,
        )


def trying(caller: Caller, column: Column) -> Caller:
    """Who asks a column: it is no live traffic, and no cached answer unless it wants one."""
    control = caller.cache_control if column.cache else "no-store"
    return msgspec.structs.replace(caller, live=False, cache_control=control)


def fields_of(column: Column) -> dict[str, Any]:
    """What a column sets beside its words, as fields of a chat completion."""
    fields: dict[str, Any] = dict(column.parameters)
    if column.tools and not column.has_prompt:
        fields["tools"] = list(column.tools)
    if column.output_schema is not None and not column.has_prompt:
        fields["response_format"] = _format(column.output_schema)
    return fields


def _format(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if schema.get("type") == "json_schema":
        return schema
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _described(column: Column, template: Template | None, project: str) -> Described:
    """A column as what a run is of."""
    variant = {"column": column.id, "model": column.model}
    if template is None:
        hashed = digest(["model", column.model, fields_of(column)])
        return Described(project=project, task=column.model, digest=hashed, variant=variant)
    prompt = template.prompt
    words = f"prompt {prompt.ref if prompt.version else 'draft'} with {column.model}"
    said = [prompt.digest, prompt.parameters, prompt.tools, prompt.output_schema]
    hashed = digest(["prompt", *said, column.model, column.variables])
    return Described(project=project, task=words, digest=hashed, variant=variant)


def _origin(column: Column) -> str:
    words = f", after {column.prompt}" if column.prompt is not None else ""
    return f"{words}, tried with {column.model}"
