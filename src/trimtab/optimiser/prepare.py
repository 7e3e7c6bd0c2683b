"""From names to a job that is ready: prompt, rows, splits, scorers and prices are looked up.

Nothing is asked of a model here, and nothing that is wrong costs a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import ConfigError, InvalidRequest
from trimtab.evals.behind import Behind
from trimtab.evals.judge import jury_of
from trimtab.evals.rows import Rows, rows_of
from trimtab.evals.scorers import scorers_of
from trimtab.experiments.execute import applied
from trimtab.experiments.pace import Pace
from trimtab.experiments.suite import DataRef, JudgeRef, data_of
from trimtab.kit.hashing import digest
from trimtab.optimiser.believed import require_calibrated
from trimtab.optimiser.candidate import Candidate, instruction_of
from trimtab.optimiser.job import USUAL_MARGIN, Goal, Job, goal_of
from trimtab.optimiser.metric import Metrics, metrics_of, require_margin
from trimtab.optimiser.options import Named, Options, Place
from trimtab.optimiser.prices import Prices, limit_of
from trimtab.optimiser.splits import Splits, splits_of
from trimtab.optimiser.trial import fields_of
from trimtab.ports import Chat, ChatReply, Scorer
from trimtab.prompts.bundle import bundled
from trimtab.prompts.template import variables_of
from trimtab.records import Example, Message, Prompt, PromptBundle
from trimtab.records.prompt import prompt_digest
from trimtab.scorers.judges.jury import models_of

USUAL_MAX_TOKENS = 1024
_DRAFT = "prompt"


class LateChat:
    """A chat that is there only when a job begins: scorers are made before; implements
    `ports.Chat`."""

    def __init__(self) -> None:
        self.chat: Chat | None = None

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        if self.chat is None:
            return ChatReply(status=0, error="nothing can be asked yet")
        return await self.chat.ask(request)


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A job with all that it needs; `late` is what its judges ask.

    `calls_per_row` is the most that one row of one candidate takes, repairs of judges included.
    """

    job: Job
    bundle: PromptBundle
    baseline: Candidate
    splits: Splits
    scorers: Sequence[Scorer]
    metrics: Metrics
    fields: Mapping[str, Any]
    prices: Prices
    late: LateChat
    calls_per_row: int
    max_tokens: int | None
    notes: tuple[str, ...] = ()


def prepare(named: Named, options: Options, place: Place) -> Ready:
    """Look everything up. Blocks.

    Raises:
        TrimtabError: something that is named is not there, or no job could be done with it.
    """
    options.check()
    if options.algo == "gepa":
        from trimtab.optimiser import gepa

        gepa.require()
    bundle = _bundle(named.prompt, place.client)
    prompt = bundle.prompt
    if options.algo != "demos":
        instruction_of(prompt)
    rows = _rows(named, place.client)
    splits = splits_of(rows.examples, options.split)
    late = LateChat()
    behind = Behind(place.client)
    models = [options.model, *([options.judge] if options.judge else [])]
    if options.algo != "demos":
        models.append(options.reflects_with)
    scorers, goals = _scorers(options, late, behind)
    if not options.allow_uncalibrated:
        require_calibrated(applied(scorers), place.client)
    fields = fields_of(prompt)
    prices = Prices(place.client)
    max_tokens = options.max_tokens
    if options.caps.usd is not None:
        prices.require(models)
        if max_tokens is None and (options.algo != "demos" or limit_of(fields) is None):
            max_tokens = USUAL_MAX_TOKENS
    resolved = {name: behind.of(name) for name in models if behind.is_known(name)}
    job = Job(
        prompt=prompt.ref,
        content={
            "prompt": prompt.digest,
            "partials": digest([one.digest for one in bundle.partials]),
            "behind": digest(resolved),
            "scorers": digest([scorer.digest for scorer in scorers]),
            **splits.digests,
        },
        dataset=rows.name,
        goals=goals,
        model=options.model,
        judge=options.judge,
        reflect_model=options.reflects_with if options.algo != "demos" else None,
        algo=options.algo,
        split=splits.words,
        seed=options.seed,
        max_tokens=max_tokens,
        rounds=options.rounds,
    )
    return Ready(
        job=job,
        bundle=bundle,
        baseline=Candidate(prompt=prompt, kind="baseline", words=f"the present {prompt.ref}"),
        splits=splits,
        scorers=scorers,
        metrics=metrics_of(goals, applied(scorers)),
        fields=fields,
        prices=prices,
        late=late,
        calls_per_row=1 + sum(2 * _votes(scorer) for scorer in scorers if scorer.tier == "judge"),
        max_tokens=max_tokens,
        notes=tuple(_notes(scorers, splits, max_tokens, options)),
    )


def is_name(prompt: Any) -> bool:
    """Whether a prompt is named; a text is not, as no name has white space.

    >>> is_name("sorter@3"), is_name("Sort the mail.")
    (True, False)
    """
    return isinstance(prompt, str) and not any(map(str.isspace, prompt))


def draft(messages: Any) -> Prompt:
    """A prompt that no server has: a text for the system message, or messages.

    Raises:
        InvalidRequest: it is none.
    """
    if isinstance(messages, str):
        messages = [{"role": "system", "content": messages}]
    try:
        turns = tuple(msgspec.convert(messages, list[Message]))
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"this is no prompt: {error}", where="prompt", fix="give a name, a text or messages"
        ) from None
    return Prompt(
        name=_DRAFT,
        version=0,
        messages=turns,
        variables=variables_of(turns),
        digest=prompt_digest(turns, {}),
        created_ns=0,
    )


def _bundle(prompt: Any, client: Client | None) -> PromptBundle:
    if isinstance(prompt, Prompt) and not prompt.partials:
        return PromptBundle(prompt=prompt)
    if not (isinstance(prompt, Prompt) or is_name(prompt)):
        return PromptBundle(prompt=draft(prompt))
    if client is None:
        raise ConfigError(
            "a prompt by name is on a server, and none is named",
            where="prompt",
            fix="start one with `trimtab serve` and give its `url`, or give the messages",
        )

    def find(ref: str) -> Prompt:
        return msgspec.convert(client.get(api_path("prompts", ref)), Prompt)

    def examples(ref: str) -> list[Example]:
        return msgspec.convert(client.examples(ref), list[Example])

    return bundled(find(prompt) if isinstance(prompt, str) else prompt, find, examples)


def _rows(named: Named, client: Client | None) -> Rows:
    data = named.data
    if isinstance(data, str) and Path(data).is_file():
        data = Path(data)
    own = named.rows
    reference = DataRef() if own is not None else data_of(data)
    return rows_of(reference, Path.cwd(), client, own=own)


def _scorers(
    options: Options, late: LateChat, behind: Behind
) -> tuple[list[Scorer], tuple[Goal, ...]]:
    read = [goal_of(each) if isinstance(each, str) else (each, None) for each in options.metrics]
    jury = None
    if options.judge is not None:
        known = behind.of(options.judge) if behind.is_known(options.judge) else ""
        jury = jury_of(
            late,
            [options.judge],
            JudgeRef(model=options.judge),
            Pace(2 * options.concurrency),
            {options.judge: known},
        )
    scorers = scorers_of([reference for reference, _ in read], Path.cwd(), judge=jury)
    own = applied(scorers)
    for each, (_, margin) in list(zip(own, read, strict=True))[1:]:
        require_margin(each.name, margin, each)
    goals = tuple(
        Goal(metric=each.name, margin=USUAL_MARGIN if margin is None else margin)
        for each, (_, margin) in zip(own, read, strict=True)
    )
    return scorers, goals


def _votes(scorer: Scorer) -> int:
    voters = len(models_of(scorer)) or 1
    repeats = len(getattr(scorer, "scorers", ())) or 1
    return voters * repeats


def _notes(
    scorers: Sequence[Scorer], splits: Splits, max_tokens: int | None, options: Options
) -> list[str]:
    notes = []
    judges = [scorer.name for scorer in scorers if scorer.tier == "judge"]
    if judges and options.allow_uncalibrated:
        notes.append(f"{', '.join(judges)}: nobody has measured how far this judge can be believed")
    learnt = {digest(row.input) for row in (*splits.train, *splits.dev)}
    twice = sum(digest(row.input) in learnt for row in splits.test)
    if twice:
        notes.append(f"{twice} rows of the test split ask what rows of train or dev ask too")
    if max_tokens is not None and options.max_tokens is None:
        notes.append(f"answers end after {max_tokens} tokens, so that what they cost is bounded")
    return notes
