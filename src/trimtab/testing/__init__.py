"""Conformance suites for implementations of the ports; they need pytest."""
