"""The OpenAPI document: what FastAPI derives, corrected."""
