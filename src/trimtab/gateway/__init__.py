"""Gateway: between an application and its models.

A request comes in, a route's live release decides what answers it, the provider's bytes go back
untouched, and a record of the call is durable before the last byte leaves. The gateway reads an
immutable snapshot and never the database.
"""
