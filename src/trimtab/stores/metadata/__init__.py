"""Everything that is not telemetry, in one SQL database: SQLite, or PostgreSQL."""
