"""Everything that is not telemetry, in one SQL database: SQLite by default, PostgreSQL to scale out."""
