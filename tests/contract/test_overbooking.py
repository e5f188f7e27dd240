"""Between two snapshots no more is promised than there is room for."""

from dataclasses import replace
from pathlib import Path

import openai
import pytest

from autoscaling.admission import Situation
from autoscaling.load import TierLoad
from autoscaling.tiers import Tiers
from tests.contract.gates import asking, flooded, refused
from tests.contract.studio import Loopback

pytestmark = pytest.mark.filterwarnings("ignore:.*Sora API.*:DeprecationWarning")
LITTLE_GPU_S = 1e-6
"""Less than any clip takes."""


def room_for(gpu_s: float) -> Situation:
    """Promises may be as far away as they like, and so much more may be promised."""
    sight = flooded()
    ladder = tuple(replace(tier, max_promise_s=1e9) for tier in sight.rules.tiers)
    most = sight.rules.promises.horizon_s * sight.load.gpus
    tiers = (TierLoad(promised_gpu_s=most - gpu_s), *sight.load.tiers[1:])
    return replace(
        sight,
        load=replace(sight.load, tiers=tiers),
        rules=replace(sight.rules, tiers=Tiers(ladder=ladder)),
    )


def leave_room_for_one(gateway: Loopback, client: openai.OpenAI) -> None:
    """One clip waits, and one more like it may be promised."""
    crew = gateway.studio.crew
    crew.resting = True
    made = client.videos.create(prompt="queue me")
    [job] = gateway.run(gateway.studio.store.fetch([made.id]))
    crew.situation = room_for(job.predicted_gpu_s + LITTLE_GPU_S)


def test_room_for_one_is_promised_to_one(tmp_path: Path) -> None:
    with asking(tmp_path) as (gateway, client):
        leave_room_for_one(gateway, client)
        first = client.videos.create(prompt="queue me too")
        assert first.model_extra is not None
        assert first.model_extra["decision"]["state"] == "deferred"
        assert refused(client, prompt="queue another").code == "promises_full"


def test_what_was_not_stored_leaves_its_room(tmp_path: Path) -> None:
    with asking(tmp_path) as (gateway, client):
        leave_room_for_one(gateway, client)
        fault = refused(client, prompt="queue me", input_reference=b"no picture at all")
        assert fault.status_code == 400
        assert client.videos.create(prompt="queue another").status == "queued"
