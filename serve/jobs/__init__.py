"""A job and its legal transitions, and the store that keeps it."""
