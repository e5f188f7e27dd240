"""The OpenAPI document: what FastAPI derives, less what does not hold here."""

from typing import Any

from fastapi import FastAPI

API_VERSION = "1.0.0"
DESCRIPTION = (
    "Text and images become video clips with sound. The routes under /v1/videos speak the de-facto "
    "video API: the official OpenAI client works, and extra fields are additions to it. Keys go "
    "into `Authorization: Bearer`; while a service has no keys it listens on loopback only, and "
    "needs none."
)


class DescribedApp(FastAPI):
    """FastAPI with a document that tells what this service really answers."""

    def openapi(self) -> dict[str, Any]:
        """Without FastAPI's own 422 answers: invalid requests are 400 in the error envelope."""
        document = super().openapi()
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        return document
