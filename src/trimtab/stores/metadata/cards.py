"""Calibration cards in the metadata database: each is kept, the newest counts."""

from __future__ import annotations

from sqlalchemy import select

from trimtab.records import CalibrationCard
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import check_name
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import calibration_cards as cards


class SQLCards:
    """Implements `ports.CardStore`."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def put(self, card: CalibrationCard) -> None:
        check_name(card.project, what="the project")
        key = {
            "project": card.project,
            "scorer": card.scorer,
            "digest": card.digest,
            "created_ns": card.created_ns,
        }
        body = dump(card)
        upsert = (
            self._database.insert(cards)
            .values(**key, body=body)
            .on_conflict_do_update(index_elements=list(key), set_={"body": body})
        )
        with self._database.write() as connection:
            connection.execute(upsert)
            self._audit.write(
                connection,
                project=card.project,
                action="card.put",
                object=card.scorer,
                digest=card.digest,
            )

    def get(self, project: str, scorer: str, digest: str) -> CalibrationCard | None:
        query = (
            select(cards.c.body)
            .filter_by(project=project, scorer=scorer, digest=digest)
            .order_by(cards.c.created_ns.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            body = connection.execute(query).scalar()
        return None if body is None else load(body, CalibrationCard)

    def list(self, project: str, scorer: str | None = None) -> list[CalibrationCard]:
        query = select(cards.c.body).filter_by(project=project)
        if scorer is not None:
            query = query.filter_by(scorer=scorer)
        newest_first = (cards.c.created_ns.desc(), cards.c.scorer, cards.c.digest)
        with self._database.read() as connection:
            bodies = connection.execute(query.order_by(*newest_first)).scalars()
            return [load(body, CalibrationCard) for body in bodies]
