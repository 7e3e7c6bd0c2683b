class ClickHouseTelemetry: pass
