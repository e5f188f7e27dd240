"""The HTTP face: routes, schemas, errors, authentication, event streams."""
