"""Scoring: judgements of live traffic, and judgements that come from outside.

`online` follows what the telemetry store receives and scores it in the background; `submit` checks
a score that a person, an application or another tool sends. Neither delays an answer.
"""
