"""Prompts: versioned message templates, written once, checked when they are written.

A prompt comes in as messages with Jinja variables; a version with its variables found goes to the
store; a compiled template goes to whoever renders it. Templates run in a sandbox: they cannot reach
attributes that start with an underscore, change what they are given, or ask for a huge range.
"""
