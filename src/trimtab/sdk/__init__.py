"""The SDK for applications: spans, scores and context out of a process, over OpenTelemetry.

`instrument` starts it; `trace`, `span`, `session`, `user`, `score` describe what the application
does; `wiring` records the calls of model clients; `delivery` brings everything to a server. It
never raises into the application and never makes it wait for a server. Imports nothing of the
server half.
"""
