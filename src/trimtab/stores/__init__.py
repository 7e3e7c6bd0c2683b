"""Stores: telemetry, metadata, blobs and limits, one engine per module."""
