"""The paths of the API: each file has the routes of one kind of thing, and no rules."""
