"""Personal data in texts: what is found by its form, its checksum and the words around it."""
