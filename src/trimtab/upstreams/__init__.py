"""HTTP clients that providers are reached with, beside the built-in one (`kit.http1`)."""
