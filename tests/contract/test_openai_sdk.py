"""The official OpenAI client against the Gateway: each understands what the other says."""

import base64
import io

import av
import openai
import pytest
from PIL import Image

from serve.artifacts.store import input_key
from tests.contract.studio import Loopback, png

pytestmark = pytest.mark.filterwarnings("ignore:.*Sora API.*:DeprecationWarning")


def test_create_and_poll_then_download(client: openai.OpenAI) -> None:
    video = client.videos.create_and_poll(
        prompt="a red kite",
        model="tiny",
        seconds="4",
        extra_body={"size": "32x64"},
    )
    assert (video.object, video.status, video.progress) == ("video", "completed", 100)
    assert (video.size, video.seconds, video.model) == ("32x64", "4.125", "tiny")
    assert video.completed_at is not None
    assert video.expires_at is not None
    assert video.expires_at > video.completed_at >= video.created_at
    assert video.error is None
    clip = client.videos.download_content(video.id).read()
    with av.open(io.BytesIO(clip)) as container:
        assert container.streams.video[0].frames == 17
        assert len(container.streams.audio) == 1


@pytest.mark.parametrize("variant", ["thumbnail", "spritesheet"])
def test_pictures_of_a_clip(client: openai.OpenAI, variant: str) -> None:
    video = client.videos.create_and_poll(prompt="a red kite")
    answer = client.videos.download_content(video.id, variant=variant)  # type: ignore[arg-type]
    assert answer.response.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.read())).format == "WEBP"


def test_every_key_of_the_de_facto_object_is_there(client: openai.OpenAI) -> None:
    answer = client.videos.with_raw_response.create(prompt="queue me")
    video = answer.http_response.json()
    de_facto = {
        "id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at",
        "prompt", "size", "seconds", "remixed_from_video_id", "error",
    }  # fmt: skip
    assert de_facto <= video.keys()
    assert (video["status"], video["progress"], video["error"]) == ("queued", 0, None)
    assert (video["prompt"], video["seconds"]) == ("queue me", "2.125")


def test_extension_fields_go_in_and_come_back(client: openai.OpenAI) -> None:
    video = client.videos.create(
        prompt="a red kite",
        extra_body={
            "seed": 7,
            "negative_prompt": "birds",
            "num_inference_steps": 5,
            "guidance_scale": 2.5,
            "fps": 10,
            "num_frames": 20,
            "width": 48,
            "height": 64,
            "sound": False,
        },
    )
    told = video.model_extra
    assert told is not None
    assert str(video.size) == "48x64"
    assert (told["seed"], told["negative_prompt"], told["steps"]) == (7, "birds", 5)
    assert (told["guidance_scale"], told["fps"], told["num_frames"]) == (2.5, 10, 17)
    assert told["sound"] is False


def test_extra_params_as_an_object(client: openai.OpenAI) -> None:
    """The client writes it as `extra_params[seed]`."""
    video = client.videos.create(prompt="a kite", extra_body={"extra_params": {"seed": 11}})
    assert video.model_extra is not None
    assert video.model_extra["seed"] == 11


def test_listing_pages_through_everything(client: openai.OpenAI) -> None:
    made = [client.videos.create(prompt=f"queue {number}").id for number in range(5)]
    first = client.videos.list(limit=2)
    assert [video.id for video in first.data] == made[:2:-1]
    assert first.has_more
    assert [video.id for video in client.videos.list(limit=2)] == made[::-1]
    assert [video.id for video in client.videos.list(limit=2, order="asc")] == made
    assert [video.id for video in client.videos.list(after=made[2], order="asc")] == made[3:]


def test_delete_forgets(client: openai.OpenAI, gateway: Loopback) -> None:
    video = client.videos.create(prompt="queue for ever")
    gone = client.videos.delete(video.id)
    assert (gone.id, gone.object, gone.deleted) == (video.id, "video.deleted", True)
    with pytest.raises(openai.NotFoundError) as caught:
        client.videos.retrieve(video.id)
    assert caught.value.code == "video_not_found"
    assert list(client.videos.list()) == []
    assert gateway.studio.crew.notified.count(video.id) == 2


def test_a_failed_job_says_why(client: openai.OpenAI) -> None:
    video = client.videos.create_and_poll(prompt="fail please")
    assert video.status == "failed"
    assert video.error is not None
    assert (video.error.code, video.error.message[:10]) == ("worker_crashed", "The worker")
    with pytest.raises(openai.NotFoundError) as caught:
        client.videos.download_content(video.id)
    assert caught.value.code == "video_failed"


def test_cancelling_ends_the_poll(client: openai.OpenAI) -> None:
    video = client.videos.create(prompt="hold on")
    answer = client.post(f"/videos/{video.id}/cancel", cast_to=object)
    assert isinstance(answer, dict)
    assert answer["status"] == "cancelled"
    assert str(client.videos.poll(video.id).status) == "cancelled"
    with pytest.raises(openai.NotFoundError) as caught:
        client.videos.download_content(video.id)
    assert caught.value.code == "video_cancelled"


@pytest.mark.parametrize("name", ["kite.png", None])
def test_first_frame_as_a_file(client: openai.OpenAI, gateway: Loopback, name: str | None) -> None:
    """Without a name the client calls it `upload`, an octet stream: only the content counts."""
    picture = png(100, 60)
    video = client.videos.create(
        prompt="queue me", input_reference=(name, picture) if name else picture
    )
    stored = gateway.run(gateway.studio.artifacts.get(input_key(video.id)))
    image = Image.open(io.BytesIO(stored))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (64, 32))


def test_first_frame_as_a_data_url(client: openai.OpenAI, gateway: Loopback) -> None:
    """The client itself refuses an object for `input_reference`; `extra_body` lets it through."""
    url = "data:image/png;base64," + base64.b64encode(png()).decode()
    video = client.videos.create(
        prompt="queue me", extra_body={"input_reference": {"image_url": url}}
    )
    stored = gateway.run(gateway.studio.artifacts.get(input_key(video.id)))
    assert Image.open(io.BytesIO(stored)).size == (64, 32)


def test_models_with_capabilities(client: openai.OpenAI) -> None:
    tiny, silent = client.models.list().data
    assert (tiny.id, tiny.object, tiny.owned_by) == ("tiny", "model", "filmgate")
    assert tiny.model_extra is not None
    assert tiny.model_extra["state"] == "ready"
    can = tiny.model_extra["capabilities"]
    assert can["sizes"] == ["64x32", "32x64"]
    assert can["seconds"] == {"min": 0.125, "max": 5.125, "default": 2.125}
    assert can["frames"] == {"stride": 8, "offset": 1, "min": 1, "max": 41, "default": 17}
    assert client.models.retrieve("silent") == silent
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("nobody")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
