"""Tracing: finished spans become durable at once and reach the store in the background."""
