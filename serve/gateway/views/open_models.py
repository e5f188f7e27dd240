"""What is open to an account now, model by model: the default clip of each is taken to the door."""

from collections.abc import Iterator

from starlette.requests import Request

from pipelines.spec import ClipRequest, SpecError
from serve.accounts.account import Principal
from serve.gateway.admission.door import ask_at_the_door
from serve.gateway.errors import ApiError
from serve.gateway.parts import GatewayParts, ServedModel
from serve.gateway.requests.bodies import VideoRequest
from serve.gateway.views.me import OpenModel
from serve.gateway.views.telling import prospect_of


def open_models(http: Request, parts: GatewayParts, caller: Principal) -> list[OpenModel]:
    """Each model that the account may use."""
    return list(_prospects(http, parts, caller))


def _prospects(http: Request, parts: GatewayParts, caller: Principal) -> Iterator[OpenModel]:
    for model in parts.models:
        try:
            verdict = ask_at_the_door(http, caller, _default(model))
        except (ApiError, SpecError):
            continue  # its limits keep this account from it
        yield OpenModel(model=model.name, **prospect_of(verdict).model_dump())


def _default(model: ServedModel) -> VideoRequest:
    clip = ClipRequest(prompt="a clip", has_image=model.limits.image == "required")
    return VideoRequest(clip=clip, model=model.name, image=None, digest="")
