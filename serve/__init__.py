"""HTTP, Ray deployments and persistence: the only part with side effects."""
