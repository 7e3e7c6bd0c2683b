"""Generators of training texts: grammars of our own making and the documents attacks hide in."""
