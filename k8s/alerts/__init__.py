"""Rules that record, and rules that wake somebody, each with its entry in docs/runbooks.md."""
