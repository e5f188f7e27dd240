"""A client of filmgate's own HTTP API, as the commands use it."""
