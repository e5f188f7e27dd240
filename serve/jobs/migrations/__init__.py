"""The history of the database schema, one file a revision; `serve.jobs.upgrade` runs it."""
