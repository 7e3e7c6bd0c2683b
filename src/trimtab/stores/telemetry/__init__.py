"""Telemetry stores: spans and scores, one engine per module, behind one schema."""
