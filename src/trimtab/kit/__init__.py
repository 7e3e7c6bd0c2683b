"""Small tools with no domain words: clock, ids, hashing, JSON, server-sent events, HTTP/1.1."""
