"""The body of POST /v1/videos, JSON or multipart, read into one request."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from starlette.requests import Request

from pipelines.spec import ClipRequest
from serve.gateway.errors import ApiError
from serve.gateway.lighter import Way
from serve.gateway.requests.forms import read_form
from serve.gateway.requests.reading import content_kind, explain, invalid, json_object, whole_body
from serve.gateway.requests.schemas import CreateVideo, ImageReference

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
SOUND_NAMES: Final = ("sound", "generate_sound", "generate_audio")
ImageSource = str | bytes
"""A URL or data URL, or the bytes of an upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """What was asked. `digest` is equal for equal requests, however they were written."""

    clip: ClipRequest
    model: str | None
    image: ImageSource | None
    digest: str
    accept_lighter: frozenset[Way] = frozenset()
    """What may be less than asked for."""


async def read_video_request(request: Request) -> VideoRequest:
    """Read and check the body; raises `ApiError` for anything but a well-formed request."""
    kind = content_kind(request, JSON, FORM)
    body = await whole_body(request)
    if kind == JSON:
        return _video_request(json_object("The body", body), upload=None, strict=True)
    content_type = request.headers["content-type"]
    form = dict(read_form(content_type, body))
    reference = form.get("input_reference")
    upload = reference if isinstance(reference, bytes) else None
    if upload is not None:
        del form["input_reference"]
    ways = form.get("accept_lighter")
    if isinstance(ways, str):
        form["accept_lighter"] = [*ways.split(",")]
    return _video_request(form, upload=upload, strict=False)


def _video_request(
    fields: Mapping[str, Any], *, upload: bytes | None, strict: bool
) -> VideoRequest:
    try:
        body = CreateVideo.model_validate(_flat(fields), strict=strict)
    except ValidationError as error:
        raise explain(error, CreateVideo.model_fields, ImageReference.model_fields) from None
    image = upload if upload is not None else _image_url(body.input_reference)
    return VideoRequest(
        clip=_clip_request(body, has_image=image is not None),
        model=body.model,
        image=image,
        digest=_digest(body, upload),
        accept_lighter=frozenset(body.accept_lighter or ()),
    )


def _flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with those of `extra_params` put among them."""
    flat = {name: value for name, value in fields.items() if name != "extra_params"}
    extra = fields.get("extra_params")
    if isinstance(extra, str | bytes):
        extra = json_object("`extra_params`", extra)
    if extra is None:
        return flat
    if not isinstance(extra, dict):
        raise invalid("extra_params", "`extra_params` must be an object.")
    for name, value in extra.items():
        if flat.get(name) is not None:
            raise ApiError(
                400, "duplicate_field", f"`{name[:64]}` is given twice.", param=name[:64]
            )
        flat[name] = value
    return flat


def _image_url(reference: ImageReference | str | None) -> str | None:
    if reference is None or isinstance(reference, str):
        return reference
    if reference.file_id is not None:
        raise ApiError(
            400,
            "file_id_not_supported",
            "There is no file store here: send the picture itself, or its `image_url`.",
            param="input_reference",
        )
    if reference.image_url is None:
        raise invalid("input_reference", "`input_reference` needs an `image_url`.")
    return reference.image_url


def _clip_request(body: CreateVideo, *, has_image: bool) -> ClipRequest:
    width, height = _size(body)
    return ClipRequest(
        prompt=body.prompt,
        negative_prompt=body.negative_prompt,
        width=width,
        height=height,
        seconds=body.seconds,
        num_frames=body.num_frames,
        fps=body.fps,
        steps=body.num_inference_steps,
        guidance_scale=body.guidance_scale,
        seed=body.seed,
        sound=_sound(body),
        has_image=has_image,
    )


def _size(body: CreateVideo) -> tuple[int | None, int | None]:
    if body.size is None:
        return body.width, body.height
    width, height = (int(side) for side in body.size.split("x"))
    if body.width not in (None, width) or body.height not in (None, height):
        raise invalid("size", "`size` says something else than `width` and `height`.")
    return width, height


def _sound(body: CreateVideo) -> bool | None:
    said = {getattr(body, name) for name in SOUND_NAMES} - {None}
    if len(said) > 1:
        raise invalid("sound", f"{', '.join(SOUND_NAMES)} mean the same; give one of them.")
    return said.pop() if said else None


def _digest(body: CreateVideo, upload: bytes | None) -> str:
    """Over the values, not the bytes: a repeated multipart body has a new boundary."""
    values = body.model_dump(exclude_none=True)
    if upload is not None:
        values["input_reference"] = hashlib.sha256(upload).hexdigest()
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
