"""The request body of a clip: every field that is accepted, and how each is read."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from pipelines.spec import MAX_SEED
from serve.gateway.lighter import Way

SIZE_PATTERN: Final = r"^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$"
SECONDS_PATTERN: Final = r"^[0-9]{1,5}(\.[0-9]{1,6})?$"
MAX_COUNT: Final = 100_000
"""No field that counts something goes beyond; the model's own limits are checked later."""


def _storable(text: str) -> str:
    """NUL and lone surrogates are legal in a string and illegal in a database."""
    if "\x00" in text:
        raise PydanticCustomError("nul", "it must not contain NUL characters")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise PydanticCustomError("surrogate", "it must not contain lone surrogates")
    return text


def _whole(value: Any) -> Any:
    """24.0 is an integer in JSON's eyes."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _seconds(value: Any) -> Any:
    """`4`, `2.5`, `"4"` and `"2.5"` are all fine: the official client sends text."""
    if isinstance(value, str):
        if re.fullmatch(SECONDS_PATTERN, value, re.ASCII) is None:
            raise PydanticCustomError("seconds", 'it must be a number such as 4 or "4"')
        return float(value)
    return value


Text = Annotated[str, AfterValidator(_storable)]
Count = Annotated[int, Field(ge=1, le=MAX_COUNT), BeforeValidator(_whole)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED), BeforeValidator(_whole)]
Seconds = Annotated[
    float,
    Field(gt=0, le=86_400),
    BeforeValidator(_seconds),
    Field(json_schema_extra={"type": ["number", "string"], "pattern": SECONDS_PATTERN}),
]
Size = Annotated[str, Field(pattern=SIZE_PATTERN)]


class ImageReference(BaseModel):
    """Where the first frame is: a URL or a data URL. A `file_id` is refused: no files are kept."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    image_url: Text | None = None
    """An `http`, `https` or `data` URL of a PNG, JPEG or WebP picture."""
    file_id: Text | None = None
    """Known from other services; answered with the code `file_id_not_supported`."""


class CreateVideo(BaseModel):
    """What to make. All but the prompt may be left out; null means left out."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    prompt: Text
    """What the clip should show."""
    model: Text | None = None
    """A name from `GET /v1/models`; the service's default model when left out."""
    seconds: Seconds | None = None
    """Playing time; rounded to a frame count the model can make. Not together with `num_frames`."""
    size: Size | None = None
    """`WIDTHxHEIGHT` in pixels. Not together with a different `width` and `height`."""
    input_reference: ImageReference | Text | None = None
    """The first frame: in a form a file, else a URL, or an object with `image_url`."""
    negative_prompt: Text | None = None
    """What the clip should not show."""
    seed: Seed | None = None
    """The same seed and settings give the same clip; a random one when left out."""
    num_inference_steps: Count | None = None
    """Denoising steps."""
    guidance_scale: Annotated[float, Field(ge=0, le=1_000)] | None = None
    """How closely to follow the prompt."""
    fps: Count | None = None
    """Frames per second."""
    num_frames: Count | None = None
    """Frames; rounded by the model's frame rule."""
    width: Count | None = None
    """Pixels; give `height` too."""
    height: Count | None = None
    """Pixels; give `width` too."""
    sound: bool | None = None
    """Whether the clip has sound; left out: if the model can."""
    generate_sound: bool | None = None
    """Another name of `sound`."""
    generate_audio: bool | None = None
    """Another name of `sound`."""
    accept_lighter: list[Way] | None = None
    """What may be less than asked for when there is no room for all of it; the answer says what
    became of it."""
    extra_params: dict[str, Any] | Text | None = None
    """More of these fields, as an object or as its JSON text."""
