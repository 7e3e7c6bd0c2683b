"""Shipping: a release that a file declares is evaluated, gated, tried and made live.

It runs in the caller's process against a server, and names no adapter.
"""
