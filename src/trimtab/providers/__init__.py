"""Providers: where model answers come from. One per file; each implements `ports.Provider`."""
