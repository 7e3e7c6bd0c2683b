"""`trimtab.optimise`: a better version of a prompt in one call, from a program or a notebook."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import msgspec

from trimtab.errors import InvalidRequest, TrimtabError

if TYPE_CHECKING:
    from trimtab.optimiser.attempt import Progress
    from trimtab.optimiser.job import Algo
    from trimtab.optimiser.options import Named, Options, Place
    from trimtab.optimiser.result import Found


class Settings(TypedDict, total=False):
    """What `optimise` takes beside prompt, rows, metrics and model."""

    calls: int
    budget_usd: float | str | Decimal
    minutes: float
    algo: Algo
    judge: str
    reflect_model: str
    split: str
    seed: int
    rounds: int
    concurrency: int
    max_tokens: int
    timeout_s: float
    resume: bool
    allow_uncalibrated: bool
    output: str | Path
    url: str
    key: str
    folder: str | Path
    chat: Any


def optimise(
    prompt: Any, data: Any, metrics: Any, *, model: str, **settings: Unpack[Settings]
) -> Found:
    """Search for a better version of a prompt, and keep it if it is proved better.

    Args:
        prompt: a name or `name@3` at the server, a text for the system message, or messages.
        data: rows, a file, or a dataset of the server; divided into train, dev and test.
        metrics: scorers by name or as they are; the first is to get better, the others must not
            get worse by more than 0.05, or as in `"token_f1:0.02"`.
        model: that answers, by its name at the gateway.
        calls, budget_usd, minutes: what it may take at most; at least one of them.
        algo: "demos", "instructions", "gepa" or "auto", which is the first two.
        judge: the model that judges.
        reflect_model: the model that writes instructions.
        split: `train=.4,dev=.3,test=.3`, or names of splits: `train=a,dev=b,test=c`.
        seed: another one searches another way.
        max_tokens: of an answer, where the prompt sets no limit.
        resume: carry on with a job that was not finished.
        allow_uncalibrated: judges that nobody has measured may decide too.
        output: a file for the new version, in the place of the server.
        url, key: of the server; `TRIMTAB_URL` and `TRIMTAB_KEY` where not given.
        folder: of journals; without one nothing is resumed.
        chat: a `ports.Chat` that answers in the place of the gateway.
    Raises:
        InvalidRequest: called inside a running event loop: await `trimtab.aoptimise` there.
        TrimtabError: something that was named is wrong or not there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(aoptimise(prompt, data, metrics, model=model, **settings))
    raise InvalidRequest(
        "optimise cannot be called inside a running event loop",
        where="optimise",
        fix="await trimtab.aoptimise(...), which takes the same arguments",
    )


async def aoptimise(
    prompt: Any, data: Any, metrics: Any, *, model: str, **settings: Unpack[Settings]
) -> Found:
    """`optimise` in the running event loop."""
    from trimtab.client import Client
    from trimtab.optimiser.options import Named, Place

    chat = settings.pop("chat", None)
    url = settings.pop("url", None) or os.environ.get("TRIMTAB_URL")
    key = settings.pop("key", None) or os.environ.get("TRIMTAB_KEY")
    folder = settings.pop("folder", None)
    options = _options(metrics, model, settings)
    client = Client(url, key=key) if url else None
    place = Place(client, key, None if folder is None else Path(folder), chat)
    try:
        return await optimised(Named(prompt, data), options, place)
    finally:
        if client is not None:
            client.close()


async def optimised(
    named: Named, options: Options, place: Place, progress: Progress | None = None
) -> Found:
    """What comes of a job, its winner stored. Raises TrimtabError."""
    from trimtab.optimiser.perform import keep, perform
    from trimtab.optimiser.prepare import is_name, prepare
    from trimtab.optimiser.store import stored

    earlier = await asyncio.to_thread(_made_before, named, options, place)
    if earlier is not None:
        return earlier
    ready = await asyncio.to_thread(prepare, named, options, place)
    found = await perform(ready, options, place, progress)
    client = place.client if is_name(named.prompt) else None
    after = await asyncio.to_thread(stored, found, client, options.output)
    if after != found:
        await asyncio.to_thread(keep, after, place, ready)
    return after


def _made_before(named: Named, options: Options, place: Place) -> Found | None:
    """What the very same job came to, where the newest version of the prompt is its winner.

    A prompt that is named without a version means the newest one, which a job that is run again
    has changed itself.
    """
    from trimtab.client import api_path
    from trimtab.errors import NotFound
    from trimtab.optimiser.perform import found_of
    from trimtab.optimiser.prepare import is_name, prepare
    from trimtab.optimiser.store import made_by

    if place.client is None or not is_name(named.prompt) or "@" in named.prompt:
        return None
    try:
        newest = place.client.get(api_path("prompts", named.prompt))
    except NotFound:
        return None  # which is said where the prompt is looked up
    made = made_by(newest.get("note") or "")
    if made is None:
        return None
    try:
        ready = prepare(named._replace(prompt=made.prompt), options, place)
    except TrimtabError:
        return None
    found = found_of(place.folder, ready.job) if ready.job.id == made.job else None
    ref = f"{newest['name']}@{newest['version']}"
    return found if found is not None and found.stored == ref else None


def _options(metrics: Any, model: str, settings: Settings) -> Options:
    from trimtab.optimiser.caps import Caps
    from trimtab.optimiser.options import Options

    given: dict[str, Any] = {**settings}
    most = given.pop("budget_usd", None)
    caps = Caps(
        calls=given.pop("calls", None),
        usd=None if most is None else Decimal(str(most)),
        minutes=given.pop("minutes", None),
    )
    output = given.pop("output", None)
    unknown = sorted(set(given) - set(Options.__struct_fields__))
    if unknown:
        raise InvalidRequest(
            f"optimise takes no {unknown[0]!r}", where=unknown[0], fix="see help(trimtab.optimise)"
        )
    several = isinstance(metrics, Sequence) and not isinstance(metrics, str)
    return msgspec.structs.replace(
        Options(metrics=tuple(metrics) if several else (metrics,), model=model, caps=caps, **given),
        output=None if output is None else Path(output),
    )
