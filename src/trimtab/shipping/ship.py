"""Shipping one release: evaluated, gated, a candidate, tried as a canary, live.

Every stage first looks at what an earlier attempt has left on the server and in the journals, and
does the rest: whatever was evaluated, paid for or begun is not done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from trimtab.errors import ConfigError
from trimtab.evals.evaluation import Outcome as Evaluated
from trimtab.evals.options import Options, Site
from trimtab.kit.clock import SystemClock
from trimtab.ports import Clock
from trimtab.records import Release
from trimtab.shipping import content
from trimtab.shipping.declared import Declared
from trimtab.shipping.proving import Proving
from trimtab.shipping.record import Outcome, Shipment
from trimtab.shipping.switching import Switching
from trimtab.shipping.telling import Telling
from trimtab.shipping.wishes import Ended, Watcher, Wishes, canary_of, environment_of


class Shipping:
    """Ships one declaration; `ship` once.

    Args:
        cwd: where suites are looked for that the declaration does not name.
    """

    def __init__(
        self,
        found: Declared,
        wishes: Wishes,
        options: Options,
        site: Site,
        *,
        cwd: Path,
        watcher: Watcher | None = None,
        clock: Clock | None = None,
    ) -> None:
        if site.client is None:
            raise ConfigError(
                "releases are on a server, and none is named",
                where="--url",
                fix="start one with `trimtab serve` and give its URL, or set TRIMTAB_URL",
            )
        told = watcher or Watcher()
        self._found = found
        self._wishes = wishes
        self._commit = options.commit
        self._client = site.client
        self._environment = environment_of(found, wishes)
        self._telling = Telling(wishes, told)
        self._proving = Proving(
            found, options, site, site.client, cwd=cwd, telling=self._telling, watcher=told
        )
        self._switching = Switching(
            site.client,
            clock or SystemClock(),
            environment=self._environment,
            telling=self._telling,
            watcher=told,
        )
        self._over: Release | None = None
        self._release: Release | None = None

    @property
    def outcomes(self) -> Sequence[Evaluated]:
        """What was evaluated, a run each."""
        return self._proving.outcomes

    async def ship(self) -> Shipment:
        """Do what is left to do.

        Raises:
            TrimtabError: something that is named is wrong, or a server or disk failed; what was
                done until then is done, and the next attempt goes on from there.
        """
        try:
            release = await self._prepare()
            over = self._over
            await self._proving.prove(release, over)
            plan = canary_of(self._found, self._wishes, over)
            if plan is not None and over is not None:
                await self._switching.try_out(release, over, plan)
            evidence = self._proving.evidence
            await self._switching.promote(release, evidence, reason=self._reason())
        except Ended as ended:
            return self._shipment(ended.outcome, ended.sentence, ended.code)
        whom = self._switching.whom(release.route)
        return self._shipment("shipped", f"{release.ref} answers {whom}", 0)

    async def _prepare(self) -> Release:
        """Find what answers now and the release with the declared content, which is stored.

        Raises:
            Ended: it is live already, or was taken back.
        """
        asked = asyncio.to_thread
        declared = await asked(content.content_of, self._found, self._client, store=True)
        releases = await asked(content.releases_of, self._found.declaration.route, self._client)
        self._over = content.answering(releases, self._environment)
        release = await asked(content.stored, declared, releases, self._client)
        self._release = release
        if self._over is not None and self._over.digest == release.digest:
            where = f" in {self._environment}" if self._environment else ""
            raise Ended("nothing to do", f"{release.ref} has this content and is live{where}")
        why = content.taken_back(release.digest, releases)
        if why is not None and not self._wishes.again:
            raise Ended(
                "taken back",
                f"{release.ref} has a content that was shipped before, and {why}. Change it, or say"
                " --again",
            )
        return release

    def _reason(self) -> str:
        """Why it is promoted, for the record."""
        runs = ", ".join(one.run.run_id for one in self.outcomes)
        parts = [self._wishes.reason or "trimtab ship", f"runs {runs}" if runs else ""]
        if self._commit:
            parts.append(f"commit {self._commit}")
        return "; ".join(filter(None, parts))

    def _shipment(self, outcome: Outcome | None, sentence: str, code: int) -> Shipment:
        release, evidence = self._release, self._proving.evidence
        return Shipment(
            route=self._found.declaration.route,
            release=release.ref if release is not None else None,
            release_id=release.release_id if release is not None else None,
            digest=release.digest if release is not None else None,
            environment=self._environment,
            over=self._over.ref if self._over is not None else None,
            outcome=outcome,
            exit_code=code,
            sentence=sentence,
            stages=self._telling.stages,
            runs=[one.run for one in self.outcomes],
            evidence=evidence.run_id if evidence is not None else None,
        )
