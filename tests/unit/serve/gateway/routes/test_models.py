"""How a model is doing, by what the Scheduler says."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from serve.gateway.routes.models import attention_of, capabilities, state_of
from serve.messages import GangStatus, Snapshot
from tests.contract.studio import SILENT, TINY
from tests.limits import TINY_LIMITS

GANG = GangStatus(replica="r", pid=1, model="tiny", shape="1", devices=1, job_id=None, step=0)


@pytest.mark.parametrize(
    ("has_gang", "was_warm", "may_sleep", "state"),
    [
        (True, True, False, "ready"),
        (True, True, True, "ready"),
        (True, False, False, "warming"),
        (False, False, False, "warming"),
        (False, True, False, "no_gang"),
        (False, True, True, "asleep"),
        (False, False, True, "asleep"),
    ],
)
def test_states(
    a_snapshot: Callable[..., Snapshot],
    *,
    has_gang: bool,
    was_warm: bool,
    may_sleep: bool,
    state: str,
) -> None:
    snapshot = a_snapshot(
        gangs=(GANG,) if has_gang else (replace(GANG, model="other"),),
        warm_models=frozenset({"tiny"} if was_warm else {"other"}),
    )
    assert state_of(replace(TINY, may_sleep=may_sleep), snapshot) == state


def test_without_a_scheduler_nothing_is_known() -> None:
    assert state_of(SILENT, None) == "unknown"


def test_sizes_are_free_or_they_are_not() -> None:
    free = capabilities(TINY_LIMITS, "auto").free_sizes
    assert free is not None
    assert (free.multiple, free.max_pixels) == (16, 9216)
    assert capabilities(replace(TINY_LIMITS, free_sizes=False), "auto").free_sizes is None


def test_attention_is_what_the_gangs_say(a_snapshot: Callable[..., Snapshot]) -> None:
    assert attention_of(replace(TINY, attention="flash"), None) == "flash"
    other = replace(GANG, model="other", attention="sage")
    assert attention_of(TINY, a_snapshot(gangs=(GANG, other))) == "auto"
    gangs = (replace(GANG, attention="_native_cudnn"), other)
    assert attention_of(TINY, a_snapshot(gangs=gangs)) == "_native_cudnn"
