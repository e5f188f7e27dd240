"""What people ask for over HTTP is what they see and hear, judged from the downloaded file."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.embedded import scene as scenes
from pipelines.embedded.clip_file import read_clip
from pipelines.embedded.judge import Verdict, judge, pitches
from pipelines.embedded.measure import IN_STEP, psnr
from pipelines.embedded.scene import Frame, Scene
from pipelines.embedded.sound import BEEP
from tests.integration.service.running import Service

pytestmark = pytest.mark.timeout(600)


def ask(service: Service, folder: Path, prompt: str, **fields: Any) -> Path:
    """Make and download a clip."""
    job_id = service.submit(prompt, seed=4, **fields)
    ended = service.finish(job_id)
    assert ended["status"] == "completed", ended
    path = folder / f"{job_id}.mp4"
    path.write_bytes(service.clip(job_id))
    return path


def seen(path: Path) -> Verdict:
    return judge(read_clip(path))


@pytest.mark.parametrize(
    "prompt",
    [
        "a red ball moves left on a white background, a high beep",
        "빨간 공이 하얀 배경에서 왼쪽으로 움직인다, 높은 삐 소리",
    ],
)
def test_a_red_ball_moves_left_and_the_beep_has_its_pitch(
    service: Service, tmp_path: Path, prompt: str
) -> None:
    path = ask(service, tmp_path, prompt)
    verdict = seen(path)
    assert (verdict.colour, verdict.background, verdict.sound) == ("red", "white", "beep")
    assert (verdict.shape, verdict.motion) == ("ball", "left")
    footage = read_clip(path)
    loud, pitch = pitches(footage.sound, footage.sample_rate)
    assert abs(float(np.median(pitch[loud > 0.1])) - BEEP) < 20


def test_it_clicks_when_it_bounces(service: Service, tmp_path: Path) -> None:
    prompt = "a yellow triangle bounces on a blue background, a click on each bounce"
    verdict = seen(ask(service, tmp_path, prompt))
    assert (verdict.motion, verdict.sound) == ("bounce", "click")
    heard = [click for click in verdict.clicks if click < Frame().seconds - IN_STEP]
    assert heard, "the last click may come with a bounce after the clip's end"
    for click in heard:
        assert min(abs(click - touch) for touch in verdict.touches) <= IN_STEP


def test_a_first_frame_is_kept_and_carried_on(service: Service, tmp_path: Path) -> None:
    scene = Scene("triangle", "white", "blue", "up", "silence")
    pixels = (scenes.render(scene, Frame())[0] * 255 + 0.5).astype(np.uint8)
    blob = io.BytesIO()
    Image.fromarray(pixels).save(blob, "PNG")
    url = "data:image/png;base64," + base64.b64encode(blob.getvalue()).decode()
    prompt = "a white triangle moves up on a blue background, silence"
    path = ask(service, tmp_path, prompt, input_reference={"image_url": url})
    assert psnr(read_clip(path).frames[0], pixels) > 20
    verdict = seen(path)
    assert (verdict.colour, verdict.last_colour, verdict.background) == ("white", "white", "blue")
    assert (verdict.motion, verdict.sound) == ("up", "silence")


def test_unknown_words_do_no_harm(service: Service, tmp_path: Path) -> None:
    footage = read_clip(ask(service, tmp_path, "quantum zebras ponder, 고양이"))
    assert footage.frames.shape == (17, 96, 96, 3)


def test_sizes_and_lengths_are_stated_and_others_refused_with_what_works(service: Service) -> None:
    model = service.http.get("/v1/models").json()["data"][0]
    assert model["capabilities"]["sizes"] == ["96x96"]
    assert model["capabilities"]["frames"]["min"] == model["capabilities"]["frames"]["max"] == 17
    answer = service.http.post("/v1/videos", json={"prompt": "a ball", "size": "1280x720"})
    assert answer.status_code == 400
    assert "96x96" in answer.json()["error"]["message"]
