"""Templates: Jinja in a sandbox, and mustache; texts and values in, texts and values out."""
