"""While nobody knows the load: paid requests go on, others come back, what is closed is closed."""

import pytest

from autoscaling.admission import Request, Variant
from autoscaling.decisions import Admit, Reason, Shed
from autoscaling.gates import NO_SWITCHES, Switches
from autoscaling.rules import Rules
from autoscaling.unseen import RETRY_S, decide_unseen
from tests.unit.autoscaling.loads import RANKS

RULES = Rules()
LIGHT = Variant(name="light", gpu_s=1.0, standalone_s=1.0, allowed=True)


def asked(tier: str) -> Request:
    return Request(
        account_id="ann",
        rank=RANKS[tier],
        gpu_s=150.0,
        standalone_s=40.0,
        model="large",
        region="mars",
        continuing=True,
        lighter=(LIGHT,),
    )


@pytest.mark.parametrize("tier", ["plus", "pro", "team", "enterprise"])
def test_paid_requests_go_on(tier: str) -> None:
    assert decide_unseen(asked(tier), RULES, NO_SWITCHES, 0.0) == Admit(reason=Reason.AWAY)


@pytest.mark.parametrize("tier", ["new", "free"])
def test_others_come_back_shortly(tier: str) -> None:
    shed = Shed(reason=Reason.AWAY, retry_after_s=RETRY_S)
    assert decide_unseen(asked(tier), RULES, NO_SWITCHES, 0.0) == shed
    why = Reason.NO_GPUS
    assert decide_unseen(asked(tier), RULES, NO_SWITCHES, 0.0, why=why).reason is why


@pytest.mark.parametrize(
    "switches",
    [
        Switches(closed_models=frozenset({"large"})),
        Switches(closed_regions=frozenset({"mars"})),
        Switches(rates={"enterprise": 0.0}),
        Switches(rates={"pro": 0.0}),
    ],
)
def test_what_an_operator_closed_stays_closed(switches: Switches) -> None:
    assert isinstance(decide_unseen(asked("pro"), RULES, switches, 0.0), Shed)


def test_what_is_closed_below_is_no_matter() -> None:
    switches = Switches(rates={"plus": 0.0})
    assert isinstance(decide_unseen(asked("pro"), RULES, switches, 0.0), Admit)
