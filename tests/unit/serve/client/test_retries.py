"""Which faults pass, how long to wait, and when to give up."""

import pytest

from serve.client.retries import ApiFault, Patience, fault_of

PATIENCE = Patience(unreachable_s=10.0, refused_s=100.0)


def envelope(message: str, code: str) -> dict[str, dict[str, str]]:
    return {"error": {"message": message, "code": code}}


def test_the_services_own_words_are_kept() -> None:
    fault = fault_of(400, {}, envelope("Use 96x96.", "invalid_size"))
    assert (str(fault), fault.code, fault.status, fault.passing) == (
        "Use 96x96.",
        "invalid_size",
        400,
        False,
    )


@pytest.mark.parametrize("body", [None, [], {}, {"error": "text"}, {"error": {}}, "text"])
def test_an_answer_without_words_is_named_by_its_status(body: object) -> None:
    assert "502" in str(fault_of(502, {}, body))


@pytest.mark.parametrize(
    ("status", "headers", "body", "passing"),
    [
        (429, {}, envelope("full", "queue_full"), True),
        (503, {}, envelope("away", "service_unavailable"), True),
        (502, {}, None, True),
        (500, {}, None, True),
        (500, {}, envelope("broken", "internal_error"), False),
        (404, {}, envelope("none", "video_not_found"), False),
        (503, {"x-should-retry": "false"}, envelope("no", "x"), False),
        (409, {"x-should-retry": "true"}, envelope("soon", "x"), True),
    ],
)
def test_which_faults_pass(
    status: int, headers: dict[str, str], body: object, passing: bool
) -> None:
    assert fault_of(status, headers, body).passing is passing


@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:00 GMT"}, None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], retry_after_s: float | None) -> None:
    assert fault_of(429, headers, None).retry_after_s == retry_after_s


def test_pauses_double_up_to_a_limit() -> None:
    fault = ApiFault("busy", status=503, passing=True)
    pauses = [PATIENCE.pause_s(fault, attempt, 0.0) for attempt in (0, 1, 2, 3, 4, 5, 50)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_the_service_says_how_long() -> None:
    fault = ApiFault("full", status=429, passing=True, retry_after_s=30.0)
    assert PATIENCE.pause_s(fault, 0, 0.0) == 30.0
    assert PATIENCE.pause_s(fault, 3, 70.0) == 30.0
    assert PATIENCE.pause_s(fault, 3, 71.0) is None


def test_less_patience_with_silence() -> None:
    silence = ApiFault("no answer", passing=True)
    assert PATIENCE.pause_s(silence, 0, 9.5) == 0.5
    assert PATIENCE.pause_s(silence, 0, 9.6) is None


def test_a_fault_that_stays_is_not_tried_again() -> None:
    assert PATIENCE.pause_s(ApiFault("no", status=400), 0, 0.0) is None
