"""What the official client makes of faults: its exception classes, codes, and its own retries."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from serve.settings.sections import Http, Jobs
from tests.contract.studio import Loopback, eventually, loopback, png

pytestmark = pytest.mark.filterwarnings("ignore:.*Sora API.*:DeprecationWarning")
BOMB_HEADER = b"IHDR" + (40_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
BOMB = png()[:12] + BOMB_HEADER + zlib.crc32(BOMB_HEADER).to_bytes(4, "big") + png()[33:]
"""A picture of a hundred bytes that says it has 40,000 x 40,000 pixels."""
BAD_REQUESTS: list[tuple[dict[str, Any], str, str]] = [
    ({"prompt": ""}, "prompt", "prompt_empty"),
    ({"prompt": " \n"}, "prompt", "prompt_empty"),
    ({"prompt": "x" * 201}, "prompt", "prompt_too_long"),
    ({"prompt": "x", "model": "sora-9"}, "model", "model_not_found"),
    ({"prompt": "x", "extra_body": {"size": "63x32"}}, "size", "invalid_size"),
    ({"prompt": "x", "extra_body": {"size": "wide"}}, "size", "invalid_size"),
    ({"prompt": "x", "seconds": "12"}, "seconds", "invalid_seconds"),
    ({"prompt": "x", "seconds": "soon"}, "seconds", "invalid_seconds"),
    ({"prompt": "x", "extra_body": {"sed": 3}}, "sed", "unknown_field"),
    ({"prompt": "x", "extra_body": {"seed": -1}}, "seed", "invalid_seed"),
    ({"prompt": "x", "extra_body": {"seed": "9" * 5000}}, "seed", "invalid_seed"),
    (
        {"prompt": "x", "extra_body": {"guidance_scale": "nan"}},
        "guidance_scale",
        "invalid_guidance_scale",
    ),
    ({"prompt": "x", "extra_body": {"fps": 2}}, "fps", "invalid_fps"),
    ({"prompt": "x", "input_reference": b"no picture"}, "input_reference", "image_unsupported"),
    ({"prompt": "x", "input_reference": png()[:60]}, "input_reference", "image_damaged"),
    ({"prompt": "x", "input_reference": BOMB}, "input_reference", "image_too_many_pixels"),
    (
        {"prompt": "x", "extra_body": {"input_reference": {"file_id": "file-1"}}},
        "input_reference",
        "file_id_not_supported",
    ),
    (
        {"prompt": "x", "model": "silent", "input_reference": png()},
        "input_reference",
        "image_not_supported",
    ),
    (
        {"prompt": "x", "model": "silent", "extra_body": {"sound": True}},
        "sound",
        "sound_not_supported",
    ),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    with loopback(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.mark.parametrize(("wish", "param", "code"), BAD_REQUESTS)
def test_what_cannot_be_made_is_a_bad_request(
    shared: Loopback, wish: dict[str, Any], param: str, code: str
) -> None:
    client = openai.OpenAI(base_url=f"{shared.url}/v1", api_key="unused", max_retries=0)
    with client, pytest.raises(openai.BadRequestError) as caught:
        client.videos.create(**wish)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert caught.value.code == code
    assert not shared.studio.crew.notified


def client_of(gateway: Loopback, key: str = "unused", max_retries: int = 0) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=max_retries)


def test_an_unfinished_clip_is_a_conflict_that_is_not_retried(gateway: Loopback) -> None:
    with client_of(gateway, max_retries=5) as client:
        video = client.videos.create(prompt="queue me")
        with pytest.raises(openai.ConflictError) as caught:
            client.videos.download_content(video.id)
    assert caught.value.code == "video_not_ready"
    assert caught.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_a_full_queue_is_a_rate_limit(tmp_path: Path) -> None:
    with loopback(tmp_path, {"jobs": Jobs(max_waiting=1)}) as gateway, client_of(gateway) as client:
        client.videos.create(prompt="queue me")
        with pytest.raises(openai.RateLimitError) as caught:
            client.videos.create(prompt="queue me too")
    assert (caught.value.code, caught.value.type) == ("queue_full", "rate_limit_error")
    assert 0 < int(caught.value.response.headers["retry-after"]) <= 120


def test_a_full_disk_is_not_the_clients_fault(tmp_path: Path) -> None:
    with loopback(tmp_path, {"free_bytes": lambda: 10}) as gateway, client_of(gateway) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.videos.create(prompt="a kite")
        assert caught.value.status_code == 503
        assert caught.value.code == "storage_full"
        assert list(client.videos.list()) == []


def is_refused(client: openai.OpenAI) -> bool:
    try:
        client.videos.list()
    except openai.AuthenticationError as error:
        return error.code == "invalid_api_key"
    return False


def test_keys_are_needed_once_one_exists(gateway: Loopback) -> None:
    """Both the first key and the revoking of one are heard of within `remembered_s`."""
    accounts = gateway.studio.accounts
    with client_of(gateway, "anything") as anyone:
        mine = anyone.videos.create(prompt="queue me")
        account = gateway.run(accounts.create_account("studio", "pro", 0.0))
        key, record = gateway.run(accounts.create_key(account.id, 0.0))
        eventually(lambda: is_refused(anyone))
    with client_of(gateway, key) as holder:
        with pytest.raises(openai.NotFoundError):
            holder.videos.retrieve(mine.id)
        theirs = holder.videos.create(prompt="queue me")
        assert [video.id for video in holder.videos.list()] == [theirs.id]
        gateway.run(accounts.revoke_key(record.id, 0.0))
        eventually(lambda: is_refused(holder))


def test_a_service_that_is_not_open_refuses_everybody(tmp_path: Path) -> None:
    with (
        loopback(tmp_path, {"open_access": False}) as gateway,
        client_of(gateway) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


def test_too_large_a_picture_does_not_get_in(tmp_path: Path) -> None:
    http = Http(max_body_bytes=50_000, max_image_bytes=10_000)
    with loopback(tmp_path, {"http": http}) as gateway, client_of(gateway) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            client.videos.create(prompt="x", input_reference=png() + b"\0" * 20_000)
        assert refused.value.code == "image_too_large"
        with pytest.raises(openai.APIStatusError) as caught:
            client.videos.create(prompt="x", input_reference=b"\0" * 60_000)
        assert (caught.value.status_code, caught.value.code) == (413, "request_too_large")


def test_the_clients_own_retry_makes_one_job_with_a_key(gateway: Loopback) -> None:
    with client_of(gateway) as client:
        answers = [
            client.videos.with_raw_response.create(
                prompt="queue me",
                input_reference=png(),
                extra_headers={"Idempotency-Key": "one"},
            )
            for _ in range(2)
        ]
        first, again = (answer.parse() for answer in answers)
        assert first.id == again.id
        assert "idempotent-replayed" not in answers[0].headers
        assert answers[1].headers["idempotent-replayed"] == "true"
        with pytest.raises(openai.BadRequestError) as caught:
            client.videos.create(prompt="other", extra_headers={"Idempotency-Key": "one"})
        assert caught.value.code == "idempotency_key_reused"
        assert [video.id for video in client.videos.list()] == [first.id]
    inputs = [info.key for info in gateway.run(gateway.studio.artifacts.list("jobs/"))]
    assert inputs == [f"jobs/{first.id}/input"]
