"""The last two stages: a release is tried on a share of the calls, and then answers them all."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import Conflict
from trimtab.ports import Clock
from trimtab.records import Release, Run
from trimtab.shipping import content, trial
from trimtab.shipping.declared import CanaryPlan
from trimtab.shipping.record import StageStatus
from trimtab.shipping.telling import Telling
from trimtab.shipping.wishes import Ended, Watcher

_MOST_REASON = 500  # characters, as the server takes them


class Switching:
    """Changes what answers, after a yes.

    Args:
        environment: whose calls; None for those that no environment has a release for.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        *,
        environment: str | None,
        telling: Telling,
        watcher: Watcher,
    ) -> None:
        self._client = client
        self._clock = clock
        self._environment = environment
        self._telling = telling
        self._watcher = watcher

    def whom(self, route: str) -> str:
        return f"{route} in {self._environment}" if self._environment else route

    async def try_out(self, release: Release, over: Release, plan: CanaryPlan) -> None:
        """Have a release answer a share of the calls until its time is over.

        Args:
            over: what answers the rest.
        Raises:
            Ended: it was taken back, nobody said yes, or too little is known of it.
        """
        if over.state != "live" and self._environment is None:
            said = "nothing is live that would answer the rest"
            self._telling.say("canary", "left out", said)
            return
        share = f"{100 * plan.part:g}% of the requests"
        now = await asyncio.to_thread(content.read, release.release_id, self._client)
        if now.state != "canary":
            self._telling.ask("canary", f"{release.ref} would answer {share} of {release.route}")
        try:
            begun = await asyncio.to_thread(
                trial.begin, now, plan, self._client, environment=self._environment
            )
        except Conflict as error:
            self._telling.say("canary", "waits", error.what, (error.fix or "",), error.fields)
            raise Ended("inconclusive", f"{error.what}: {error.fix}") from None
        verb = "answers" if begun else "goes on answering"
        self._watcher.say(f"{release.ref} {verb} {share} for {plan.lasts}")
        found = await trial.watched(
            release.release_id, plan, self._client, self._clock, show=self._watcher.trial
        )
        self._judge(found, plan, "done" if begun else "as before")

    def _judge(self, found: trial.Trial, plan: CanaryPlan, status: StageStatus) -> None:
        ref, answered = found.release.ref, found.figures.text
        facts = msgspec.to_builtins(found.figures)
        if found.standings:
            facts["standings"] = dict(found.standings)
        show = (f"trimtab releases show {ref}",)
        match found.ending:
            case "taken back" | "worse":
                said = found.why
                self._telling.say("canary", "failed", f"{said}, after {answered}", show, facts)
                verb = "was taken back" if found.ending == "taken back" else "did badly"
                raise Ended("taken back", f"{ref} {verb} as a canary: {said}")
            case "unseen":
                said = f"{answered} in {plan.lasts}, and its watch cannot read them at present"
                self._telling.say("canary", "waits", said, ("trimtab ship",), facts)
                raise Ended("inconclusive", f"{ref} cannot be watched now; it stays a canary")
            case "too few calls":
                said = f"{answered} in {plan.lasts}, and {plan.calls} were wanted"
                self._telling.say("canary", "waits", said, ("trimtab ship",), facts)
                raise Ended(
                    "inconclusive",
                    f"{ref} was asked too little to know how it does; it stays a canary, and the"
                    " next `trimtab ship` looks again",
                )
            case "promoted":
                said = f"somebody promoted {ref} meanwhile"
            case _:
                said = f"{ref} answered {answered} in {plan.lasts} and nobody took it back"
                said += _unknown(found)
        self._telling.say("canary", status, said, facts=facts)

    async def promote(self, release: Release, evidence: Run | None, *, reason: str) -> None:
        """Make a release live. Raises Ended where an approval or a yes is missing."""
        now = await asyncio.to_thread(content.read, release.release_id, self._client)
        environment = self._environment
        if now.state == "live" if environment is None else environment in now.live_in:
            self._telling.say("promote", "as before", f"{release.ref} is live")
            return
        whom = self.whom(release.route)
        self._telling.ask("promote", f"{release.ref} would answer {whom}")
        body: dict[str, Any] = {"reason": reason[:_MOST_REASON]}
        if evidence is not None:
            body["run"] = evidence.run_id
        if environment is not None:
            body["environment"] = environment
        path = api_path("releases", release.release_id, "promote")
        try:
            await asyncio.to_thread(self._client.post, path, body)
        except Conflict as error:
            if "missing" not in error.fields:
                raise
            self._telling.say("promote", "waits", error.what, (error.fix or "",), error.fields)
            raise Ended("inconclusive", f"{error.what}: {error.fix}") from None
        place = f" --environment {environment}" if environment is not None else ""
        back = f"trimtab releases rollback {release.ref}{place} --reason WHY"
        self._telling.say("promote", "done", f"{release.ref} answers {whom}", (back,))


def _unknown(found: trial.Trial) -> str:
    """Which figures of its watch a canary was seen too little for: that is not known to be well."""
    names = [name for name, standing in found.standings.items() if standing == "unknown"]
    return f"; not known yet: {', '.join(names)}" if names else ""
