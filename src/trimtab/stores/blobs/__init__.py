"""Blob stores: large payloads by the SHA-256 of their content, one engine per module."""
