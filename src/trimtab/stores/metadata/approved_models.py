"""The catalogues of approved models in the metadata database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, delete, select

from trimtab.errors import NotFound
from trimtab.records import ApprovedModel
from trimtab.stores.metadata.changes import Changes
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import check_name
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import approved_models


class SQLApprovedModels:
    """Implements `ports.ApprovedModelStore`."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    def put(self, model: ApprovedModel, *, by: str) -> None:
        check_name(model.project, what="the project")
        key = {"project": model.project, "model": model.model}
        body = {"body": dump(model)}
        upsert = self._database.insert(approved_models).values({**key, **body})
        with self._changes.transaction() as connection:
            connection.execute(upsert.on_conflict_do_update(index_elements=list(key), set_=body))
            self._changes.write_audit(
                connection,
                model,
                project=model.project,
                action="model.approve",
                object=model.model,
                by=by,
            )

    def delete(self, project: str, model: str, *, by: str) -> None:
        key = {"project": project, "model": model}
        with self._changes.transaction() as connection:
            body = connection.execute(
                delete(approved_models).filter_by(**key).returning(approved_models.c.body)
            ).scalar()
            if body is None:
                raise NotFound(
                    f"{model[:200]!r} is not in the catalogue of project {project!r}",
                    fix="list the approved models; name the pattern as it is there",
                )
            self._changes.write_audit(
                connection,
                load(body, ApprovedModel),
                project=project,
                action="model.withdraw",
                object=model,
                by=by,
            )

    def all(self) -> list[ApprovedModel]:
        return _loaded(self._database, select(approved_models.c.body))

    def list(self, project: str) -> list[ApprovedModel]:
        return _loaded(self._database, select(approved_models.c.body).filter_by(project=project))


def _loaded(database: Database, query: Select[Any]) -> list[ApprovedModel]:
    with database.read() as connection:
        found = [load(body, ApprovedModel) for body in connection.execute(query).scalars()]
    return sorted(found, key=lambda one: (one.project, one.model))
