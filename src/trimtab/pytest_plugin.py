"""The pytest plugin; its parts are imported when a test asks for them."""
