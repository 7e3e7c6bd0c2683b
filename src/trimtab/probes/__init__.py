"""Probes: pinned questions asked again and again, to notice that a model behind a name changed."""
