"""Which of a GPU's errors is the one to look up."""

from serve.telemetry.xids import HIDES_S, Xids


def heard(*errors: tuple[float, int]) -> Xids:
    xids = Xids()
    for at, xid in errors:
        xids.heard(xid, at)
    return xids


def test_what_the_program_did_does_not_hide_what_the_device_did() -> None:
    xids = heard((0.0, 31), (5.0, 79), (5.1, 13), (6.0, 45))
    assert (xids.count, xids.last) == (4, 79)
    assert heard((0.0, 79), (1.0, 13), (2.0, 94)).last == 94


def test_a_program_that_fails_much_later_is_not_taken_for_the_device() -> None:
    assert heard((0.0, 63), (HIDES_S + 1.0, 13)).last == 13
    assert heard((0.0, 13), (1.0, 31)).last == 31
    assert heard().last is None
