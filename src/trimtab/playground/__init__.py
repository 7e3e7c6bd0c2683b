"""The playground: prompts and models tried side by side, streamed together, and kept.

`column` is what is asked, `stream` asks up to sixteen of them at once and tells what they say,
`draft` makes the content of a prompt of one, `recorded` makes one of a recorded span. It asks
through a callable that the composition root gives, and never names the gateway.
"""
