"""Tracing: finished spans become durable at once and reach the telemetry store in the background."""
