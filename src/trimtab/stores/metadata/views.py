"""Saved views of pages in the metadata database."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from trimtab.errors import NotFound
from trimtab.kit.hashing import digest
from trimtab.records import View
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import check_name
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import views


class SQLViews:
    """Implements `ports.ViewStore`."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def put(self, view: View) -> None:
        check_name(view.project, what="the project")
        check_name(view.name, what="the view's name")
        key = {"project": view.project, "page": view.page, "name": view.name}
        body = {"body": dump(view)}
        upsert = self._database.insert(views).values({**key, **body})
        with self._database.write() as connection:
            connection.execute(upsert.on_conflict_do_update(index_elements=list(key), set_=body))
            self._write_audit(connection, view, "view.put", view.saved_by)

    def delete(self, project: str, page: str, name: str, *, by: str) -> None:
        key = {"project": project, "page": page, "name": name}
        with self._database.write() as connection:
            body = connection.execute(
                delete(views).filter_by(**key).returning(views.c.body)
            ).scalar()
            if body is None:
                raise NotFound(
                    f"page {page[:50]!r} has no view {name[:200]!r} in project {project!r}",
                    fix="list the views of the page; name one as it is there",
                )
            self._write_audit(connection, load(body, View), "view.delete", by)

    def list(self, project: str, page: str | None = None) -> list[View]:
        query = select(views.c.body).filter_by(project=project)
        if page is not None:
            query = query.filter_by(page=page)
        with self._database.read() as connection:
            found = [load(body, View) for body in connection.execute(query).scalars()]
        return sorted(found, key=lambda view: (view.page, view.name))

    def _write_audit(self, connection: Connection, view: View, action: str, by: str) -> None:
        self._audit.write(
            connection,
            project=view.project,
            action=action,
            object=view.name,
            digest=digest(view),
            principal=by,
        )
