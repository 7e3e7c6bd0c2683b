"""Steps that bring a metadata database from one schema to the next, in alembic's form.

To change the schema, change `tables.py`, add a module to `versions/` whose `down_revision` is the
newest revision so far, and set `HEAD` in `upgrade.py` to its `revision`. A step only goes forward,
runs in one transaction, and works on SQLite and PostgreSQL.
"""
