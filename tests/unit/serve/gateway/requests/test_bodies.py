"""What a body means, and when two bodies mean the same."""

import json
from typing import Any

import pytest
from starlette.requests import Request

from serve.gateway.errors import ApiError
from serve.gateway.requests.bodies import VideoRequest, read_video_request
from serve.gateway.requests.schemas import MAX_COUNT


async def read(body: bytes, kind: str = "application/json") -> VideoRequest:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", kind.encode())]
    return await read_video_request(Request({"type": "http", "headers": headers}, receive))


async def read_json(**fields: Any) -> VideoRequest:
    return await read(json.dumps({"prompt": "a kite", **fields}).encode())


async def read_form(**fields: str) -> VideoRequest:
    parts = [
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"prompt": "a kite", **fields}.items()
    ]
    body = ("".join(parts) + "--B--").encode()
    return await read(body, "multipart/form-data; boundary=B")


async def test_everything_that_can_be_said() -> None:
    request = await read_json(
        model="tiny",
        negative_prompt="",
        size="64x32",
        num_frames=17.0,
        fps=8,
        num_inference_steps=4,
        guidance_scale=3,
        seed=2**63 - 1,
        sound=False,
    )
    assert request.model == "tiny"
    assert request.image is None
    clip = request.clip
    assert (clip.prompt, clip.negative_prompt) == ("a kite", "")
    assert (clip.width, clip.height, clip.num_frames, clip.fps) == (64, 32, 17, 8)
    assert (clip.steps, clip.guidance_scale, clip.seed) == (4, 3.0, 2**63 - 1)
    assert (clip.sound, clip.has_image, clip.seconds) == (False, False, None)


async def test_a_form_means_what_the_same_json_means() -> None:
    form = await read_form(seconds="2.5", seed="7", sound="true", guidance_scale="1e1")
    same = await read_json(seconds=2.5, seed=7, sound=True, guidance_scale=10)
    assert form == same
    assert form.digest == same.digest


async def test_the_digest_is_over_what_is_meant() -> None:
    plain = await read_json(seed=7)
    assert plain.digest == (await read_json(seed=7, model=None)).digest
    assert plain.digest == (await read_json(extra_params={"seed": 7})).digest
    assert plain.digest == (await read_json(extra_params='{"seed": 7}')).digest
    assert plain.digest != (await read_json(seed=8)).digest
    assert plain.digest != (await read_json()).digest


async def test_the_digest_of_an_upload_is_over_its_bytes() -> None:
    def body(picture: bytes, boundary: bytes) -> bytes:
        head = b'\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--'
        file = b'\r\nContent-Disposition: form-data; name="input_reference"; filename="%s"\r\n\r\n'
        prompt = b"--" + boundary + head % (b"prompt", b"x")
        return prompt + boundary + file % boundary + picture + b"\r\n--" + boundary + b"--"

    async def digest(picture: bytes, boundary: str) -> str:
        kind = f"multipart/form-data; boundary={boundary}"
        request = await read(body(picture, boundary.encode()), kind)
        assert request.image == picture
        assert request.clip.has_image
        return request.digest

    assert await digest(b"one", "first") == await digest(b"one", "second")
    assert await digest(b"one", "first") != await digest(b"two", "first")


@pytest.mark.parametrize("text", ["true", "1", "on", "yes"])
async def test_yes_in_a_form(text: str) -> None:
    assert (await read_form(generate_sound=text)).clip.sound is True


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"seed": 2**63}, "invalid_seed"),
        ({"fps": MAX_COUNT + 1}, "invalid_fps"),
        ({"num_frames": 0}, "invalid_num_frames"),
        ({"width": 10**400, "height": 1}, "invalid_width"),
        ({"guidance_scale": 10**400}, "invalid_guidance_scale"),
        ({"seconds": 86_401}, "invalid_seconds"),
        ({"seconds": "١"}, "invalid_seconds"),
        ({"seconds": ""}, "invalid_seconds"),
        ({"negative_prompt": "\0"}, "invalid_negative_prompt"),
        ({"model": "\0"}, "invalid_model"),
        ({"input_reference": {"image_url": "a", "file_id": "b"}}, "file_id_not_supported"),
        ({"input_reference": [1]}, "invalid_input_reference"),
        ({"generate_sound": True, "generate_audio": False}, "invalid_sound"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_cannot_be_meant(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(ApiError) as caught:
        await read_json(**fields)
    assert (caught.value.status, caught.value.code) == (400, code)


async def test_an_unknown_field_counts_before_a_missing_one() -> None:
    with pytest.raises(ApiError) as caught:
        await read(b'{"promt": "a kite"}')
    assert caught.value.code == "unknown_field"
    assert "did you mean `prompt`?" in caught.value.message


async def test_fields_of_other_services_are_named() -> None:
    with pytest.raises(ApiError) as caught:
        await read_json(zzz=1)
    assert "known are prompt, model" in caught.value.message


async def test_uploads_elsewhere() -> None:
    """A text that came as a file is a text all the same; a picture as a number is none."""
    head = b'--B\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n%s\r\n--B--'
    request = await read(head % (b"prompt", b"a kite"), "multipart/form-data; boundary=B")
    assert request.clip.prompt == "a kite"
    with pytest.raises(ApiError) as caught:
        await read(head % (b"prompt", b"\xff"), "multipart/form-data; boundary=B")
    assert caught.value.code == "invalid_prompt"
