"""Signals: what can be said of a text from the text alone, in well under a millisecond each."""
