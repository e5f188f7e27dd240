"""The pools that settings describe, and when replicas come and go."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from serve.pools import adapts, pools_of, waking_ranks
from serve.settings import Settings


def settings(tmp_path: Path, *models: dict[str, Any], **more: Any) -> Settings:
    named = [{"name": f"m{number}", **model} for number, model in enumerate(models)]
    return Settings.from_values({"data_dir": tmp_path, "models": named, **more})


def test_a_stage_is_a_pool_and_so_is_each_shape(tmp_path: Path) -> None:
    model = {
        "denoiser": {"num_gpus": 1},
        "encoder": {"num_gpus": 0.25, "max_replicas": 2},
        "gangs": [{"tp": 4, "min": 1, "max": 3}, {"min": 0}],
    }
    found = pools_of(settings(tmp_path, model))
    assert [(pool.name, pool.gpus, pool.least, pool.most, pool.may_sleep) for pool in found] == [
        ("Encoder-m0", 0.25, 1, 2, False),
        ("Denoiser-m0-tp4", 4.0, 1, 3, False),
        ("Denoiser-m0-1", 1.0, 0, 1, True),
        ("Decoder-m0", 0.0, 1, 1, False),
    ]


def test_a_model_without_gangs_begins_asleep(tmp_path: Path) -> None:
    found = pools_of(settings(tmp_path, {"may_sleep": True, "gangs": [{"min": 0}]}))
    assert [(pool.first, pool.least) for pool in found] == [(0, 1), (0, 0), (0, 1)]
    found = pools_of(settings(tmp_path, {"may_sleep": True}))
    assert [(pool.first, pool.least) for pool in found] == [(1, 1)] * 3


def test_without_gpus_the_ranks_of_gangs_count_unless_another_model_has_some(
    tmp_path: Path,
) -> None:
    small = {"gangs": [{"tp": 2}]}
    large = {"denoiser": {"num_gpus": 1}}
    assert pools_of(settings(tmp_path, small))[1].gpus == 2.0
    assert pools_of(settings(tmp_path, small, large), "m0")[1].gpus == 0.0


@pytest.mark.parametrize(
    ("model", "capacity", "expected"),
    [
        ({}, {}, False),
        ({"may_sleep": True}, {}, False),
        ({"may_sleep": True}, {"enabled": True}, True),
        ({"denoiser": {"max_replicas": 2}}, {}, True),
        ({"denoiser": {"max_replicas": 2}}, {"enabled": False}, False),
        ({"decoder": {"max_replicas": 2}}, {}, True),
        ({"may_sleep": True, "gangs": [{"min": 0}]}, {}, True),
    ],
)
def test_replicas_come_and_go_where_there_is_room_for_it(
    tmp_path: Path, model: dict[str, Any], capacity: dict[str, Any], expected: bool
) -> None:
    assert adapts(settings(tmp_path, model, capacity=capacity)) is expected


@pytest.mark.parametrize(
    ("model", "capacity", "words"),
    [
        ({"gangs": [{"min": 0}]}, {}, "every shape in gangs has min 0: set may_sleep"),
        ({"decoder": {"replicas": 3, "max_replicas": 2}}, {}, "replicas is 3 and max_replicas 2"),
        (
            {"denoiser": {"max_replicas": 2}, "gangs": [{"tp": 2}]},
            {},
            "leave denoiser.max_replicas out",
        ),
        (
            {"may_sleep": True, "gangs": [{"min": 0}]},
            {"enabled": False},
            "capacity.enabled is false, and the gangs of m0 have min 0",
        ),
    ],
)
def test_what_would_leave_a_model_without_gangs_is_refused(
    tmp_path: Path, model: dict[str, Any], capacity: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(tmp_path, model, capacity=capacity)


def test_a_model_that_sleeps_has_the_devices_that_it_would_wake_with(tmp_path: Path) -> None:
    sleeper = {"may_sleep": True, "gangs": [{"tp": 4, "min": 0}, {"tp": 2, "min": 0}]}
    waking = waking_ranks(settings(tmp_path, sleeper, {}))
    assert list(waking.values()) == [2]
    assert waking_ranks(settings(tmp_path, {"may_sleep": True})) == {}, "nothing comes and goes"
