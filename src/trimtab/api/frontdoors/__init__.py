"""Front doors: the native endpoints of other platforms' SDKs, one file per platform.

A request is read by its dialect into patches of spans and judgements, made durable, and answered as
the SDK expects. A bad item is answered or logged by itself; the rest of its batch is kept.
"""
