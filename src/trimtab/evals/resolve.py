"""What answers the rows of a suite, resolved: names become releases, prompts and functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import ConfigError, NotFound, TrimtabError
from trimtab.evals.chat import GatewayChat, chat_at
from trimtab.evals.code import digest_of_callable
from trimtab.evals.endpoint import EndpointTask
from trimtab.evals.files import Declared
from trimtab.evals.options import Given, Site
from trimtab.evals.outage import Outage
from trimtab.evals.plans import PlanTask
from trimtab.evals.scorers import named
from trimtab.evals.tasks import ChatTask, RecordedTask
from trimtab.experiments.answers import Answering
from trimtab.experiments.replies import KeptAnswers, Replies
from trimtab.experiments.suite import TaskRef
from trimtab.experiments.tasks import answering
from trimtab.kit.hashing import digest
from trimtab.plans.requests import PROMPT
from trimtab.ports import Template
from trimtab.records import Plan, Prompt, PromptBundle, Span

_PASSAGES = ("context", "passages", "spans", "span")


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """What a task needs that belongs to one run."""

    site: Site
    replies: Replies
    fresh: bool
    run_id: str
    task_digest: str
    seed: int | None
    wants: frozenset[str]
    close: list[Callable[[], Awaitable[None]]]
    outage: Outage

    def chat(self, task: TaskRef | None = None) -> GatewayChat:
        """A chat of the run, or of the server that the task names.

        Raises ConfigError where there is no server to ask.
        """
        if task is not None and task.url is not None:
            chat = chat_at(task.url, task.key, self.outage)
            self.close.append(chat.aclose)
            return chat
        if self.site.url is None:
            raise ConfigError(
                "a model is to be asked, and no server is named",
                where="task",
                fix="start one with `trimtab serve` and give its `url`, or set TRIMTAB_URL",
            )
        key, outage = self.site.key, self.outage
        chat = GatewayChat(self.site.url, key=key, run=self.run_id, outage=outage)
        self.close.append(chat.aclose)
        return chat

    def kept(self, *, fresh: bool = False) -> KeptAnswers:
        return KeptAnswers(self.replies, task=self.task_digest, fresh=fresh or self.fresh)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A task that was resolved, before it belongs to a run.

    `models` may answer, with these `parameters`. `kept` says that its answers can be replayed,
    `free` why they cost nothing, `silent` why nobody can tell what they cost.
    """

    words: str
    digest: str
    make: Callable[[Making], Answering]
    variant: dict[str, str] = {}
    release: str | None = None
    release_digest: str | None = None
    models: Sequence[str] = ()
    parameters: Mapping[str, Any] = {}
    kept: bool = True
    free: str | None = None
    silent: str = ""


def tasks_of(
    reference: Any, declared: Declared, client: Client | None, given: Given
) -> list[Asked]:
    """What a suite has answer, resolved to one or several tasks."""
    if given.task is not None:
        return [_of_callable(given.task)]
    if not isinstance(reference, TaskRef):
        return [_of_callable(reference)]
    kinds = ("release", "prompt", "plan", "endpoint", "python", "outputs")
    named_kinds = [kind for kind in kinds if getattr(reference, kind) is not None]
    if not named_kinds and reference.models:
        named_kinds = ["models"]
    if len(named_kinds) != 1:
        raise ConfigError(
            "the task names " + (" and ".join(named_kinds) if named_kinds else "nothing"),
            where=f"{declared.origin}, task",
            fix=f"give one of {', '.join(kinds)}, or `models`",
        )
    return list(_RESOLVE[named_kinds[0]](reference, declared, client))


def _of_release(task: TaskRef, _declared: Declared, client: Client | None) -> Iterator[Asked]:
    release = _server(client, "a release").get(api_path("releases", _ref(task.release, client)))
    ref = f"{release['route']}@{release['version']}"
    models = [target["model"] for target in release["targets"]]

    def make(making: Making) -> Answering:
        looks = not making.wants.isdisjoint(_PASSAGES)
        return ChatTask(
            making.chat(),
            making.kept(),
            model=ref,
            fields=task.parameters,
            seed=None,
            spans_of=_spans_of(making.site.client) if looks else None,
            blocked_answers=task.blocked == "answer",
        ).answer

    yield Asked(
        words=f"release {ref}",
        digest=digest(["release", release["digest"], task.parameters]),
        make=make,
        release=ref,
        release_digest=release["digest"],
        models=models,
        parameters={
            **_prompt_parameters(release["prompt"], client),
            **release["parameters"],
            **task.parameters,
        },
    )


def _prompt_parameters(ref: str | None, client: Client | None) -> dict[str, Any]:
    """What the prompt of a release brings; nothing where it may not be read, as only the forecast
    asks for it."""
    if ref is None or client is None:
        return {}
    try:
        found: dict[str, Any] = client.get(api_path("prompts", ref))["parameters"]
    except TrimtabError:
        return {}
    return found


def _ref(ref: str | None, client: Client | None) -> str:
    """A release by name: a route alone means what is live there."""
    ref = ref or ""
    if "@" in ref or client is None:
        return ref
    found = client.get("/api/v1/releases", {"route": ref})["data"]
    live = next((one for one in found if one["state"] == "live"), None)
    if live is not None:
        return f"{live['route']}@{live['version']}"
    if found:
        raise NotFound(
            f"no release of {ref} is live", where="task.release", fix=f"name one, as {ref}@1"
        )
    return ref


def _spans_of(client: Client | None) -> Callable[[str], Awaitable[list[Span]]]:
    async def spans(trace_id: str) -> list[Span]:
        if client is None:
            return []
        try:
            trace = await asyncio.to_thread(client.trace, trace_id)
        except NotFound:
            return []
        return msgspec.convert(trace["spans"], list[Span])

    return spans


def _of_prompt(task: TaskRef, declared: Declared, client: Client | None) -> Iterator[Asked]:
    from trimtab.prompts.template import CompiledPrompt

    path = api_path("prompts", task.prompt or "")
    wire = _server(client, "a prompt").get(path, {"bundle": "true"})
    bundle = msgspec.convert(wire, PromptBundle)
    prompt = bundle.prompt
    if not task.models:
        raise ConfigError(
            "a prompt needs models to ask",
            where=f"{declared.origin}, task",
            fix="add `models: [provider/model]`",
        )
    brought: dict[str, Any] = dict(prompt.parameters)
    if prompt.tools:
        brought["tools"] = list(prompt.tools)
    if prompt.output_schema is not None:
        brought["response_format"] = _format(prompt)
    yield from _matrix(task, brought, CompiledPrompt.of(bundle), prompt)


def _format(prompt: Prompt) -> dict[str, Any]:
    schema = prompt.output_schema or {}
    if schema.get("type") == "json_schema" and "json_schema" in schema:
        return schema
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _of_models(task: TaskRef, _declared: Declared, _client: Client | None) -> Iterator[Asked]:
    yield from _matrix(task, {}, None, None)


def _matrix(
    task: TaskRef, brought: Mapping[str, Any], template: Template | None, prompt: Prompt | None
) -> Iterator[Asked]:
    """A task for each model with each of the parameters that are lists."""
    lists = {name: value for name, value in task.parameters.items() if isinstance(value, list)}
    fixed = {name: value for name, value in task.parameters.items() if name not in lists}
    tools = {"tools": list(task.tools)} if task.tools else {}
    several = len(task.models) > 1 or bool(lists)
    for model, *values in product(task.models, *lists.values()):
        chosen = dict(zip(lists, values, strict=True))
        fields = {**brought, **fixed, **chosen, **tools}
        variant = {"model": model} if several else {}
        variant |= {name: str(value) for name, value in chosen.items()}
        ref = "" if prompt is None else f"prompt {prompt.ref} with "
        at = "" if task.url is None else f" at {task.url}"
        named_model = ["model", model] if task.url is None else ["model", model, task.url]
        yield Asked(
            words=f"{ref}{model}{at}",
            digest=digest([*named_model, fields, None if prompt is None else prompt.digest]),
            make=_asking(task, model, fields, template),
            variant=variant,
            models=[model],
            parameters=fields,
        )


def _asking(
    task: TaskRef, model: str, fields: Mapping[str, Any], template: Template | None
) -> Callable[[Making], Answering]:
    def make(making: Making) -> Answering:
        return ChatTask(
            making.chat(task),
            making.kept(),
            model=model,
            fields=fields,
            template=template,
            seed=making.seed,
            blocked_answers=task.blocked == "answer",
        ).answer

    return make


def _of_plan(task: TaskRef, _declared: Declared, client: Client | None) -> Iterator[Asked]:
    server = _server(client, "a plan")
    plan = msgspec.convert(server.get(api_path("plans", task.plan or "")), Plan)
    asked = {(step.model or "", step.ask) for step in plan.steps if step.ask is not None}
    prompts = sorted({ask.removeprefix(PROMPT) for _, ask in asked if ask.startswith(PROMPT)})
    found = [server.get(api_path("prompts", name)) for name in prompts]
    names = {model if ask.startswith(PROMPT) else ask for model, ask in asked} - {""}
    yield Asked(
        words=f"plan {plan.ref}",
        digest=digest(["plan", plan.digest, [prompt["digest"] for prompt in found]]),
        make=lambda _: PlanTask(server, plan).answer,
        models=sorted(names),
        kept=False,
        silent="for only its runs say what a plan costs",
    )


def _of_endpoint(task: TaskRef, declared: Declared, _client: Client | None) -> Iterator[Asked]:
    endpoint = task.endpoint
    if endpoint is None:
        return

    def make(making: Making) -> Answering:
        # Nobody sees when the code behind an endpoint changes: kept answers are only replayed
        # where nothing may be asked.
        where = f"{declared.origin}, task"
        asked = EndpointTask(endpoint, making.kept(fresh=True), where=where, outage=making.outage)
        making.close.append(asked.aclose)
        return asked.answer

    yield Asked(
        words=f"{endpoint.method} {endpoint.url}",
        digest=digest(["endpoint", endpoint]),
        make=make,
        silent="for only its answers say what an endpoint costs",
    )


def _of_python(task: TaskRef, declared: Declared, _client: Client | None) -> Iterator[Asked]:
    reference: Any = task.python
    if not isinstance(reference, str):
        yield _of_callable(reference)
        return
    found = named(reference, declared.folder)
    yield msgspec.structs.replace(_of_callable(found), words=f"python {reference}")


def _of_callable(function: Any) -> Asked:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return Asked(
        words=f"python {name}",
        digest=digest_of_callable(function),
        make=lambda making: answering(function, seed=making.seed),
        kept=False,
        silent="for nobody but the function knows what it pays",
    )


def _of_outputs(task: TaskRef, _declared: Declared, _client: Client | None) -> Iterator[Asked]:
    field = task.outputs or ""
    yield Asked(
        words=f"recorded answers in {field}",
        digest=digest(["outputs", field]),
        make=lambda _: RecordedTask(field).answer,
        free="for the answers are there and no model is asked",
    )


def _server(client: Client | None, what: str) -> Client:
    if client is None:
        raise ConfigError(
            f"{what} is on a server, and none is named",
            where="task",
            fix="start one with `trimtab serve` and give its `url`, or set TRIMTAB_URL",
        )
    return client


_RESOLVE: Mapping[str, Callable[[TaskRef, Declared, Client | None], Iterator[Asked]]] = {
    "release": _of_release,
    "prompt": _of_prompt,
    "models": _of_models,
    "plan": _of_plan,
    "endpoint": _of_endpoint,
    "python": _of_python,
    "outputs": _of_outputs,
}
