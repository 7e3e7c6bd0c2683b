"""Attacks on one's own assistant, and what came of them: which got through, how often, how sure."""
