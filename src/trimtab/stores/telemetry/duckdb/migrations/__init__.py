"""Numbered SQL files, each applied once and never edited; they only ever add."""
