"""Log lines: their fields, their shape, and what must never be in them."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest
import torch

from pipelines.spec import SpecError
from serve.settings.sections import Log
from serve.telemetry.logs import (
    OUR_LOGGERS,
    JsonLines,
    TextLines,
    configure_logging,
)
from serve.telemetry.request_id import REQUEST_ID

SECRET = "a secret lighthouse"


@pytest.fixture(autouse=True)
def _untouched_loggers() -> Iterator[None]:
    """The loggers as they were, after each test."""
    loggers = [logging.getLogger(name) for name in OUR_LOGGERS]
    before = [(logger, logger.handlers, logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def record(message: str, *args: Any, error: BaseException | None = None, **extra: Any) -> Any:
    info = (type(error), error, error.__traceback__) if error else None
    made = logging.getLogger("serve.some.place").makeRecord(
        "serve.some.place", logging.INFO, "f.py", 1, message, args, info, extra=extra
    )
    made.created = 1_795_165_801.1234
    return made


def as_json(*args: Any, **values: Any) -> dict[str, Any]:
    line = JsonLines().format(record(*args, **values))
    assert "\n" not in line
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """The error with a traceback, as an except block sees it."""
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def test_json_line_has_time_place_message_and_fields() -> None:
    line = as_json("step %d", 3, job_id="video_1", step=3, seconds=0.25)
    assert line["time"] == "2026-11-20T09:10:01.123Z"
    assert line["level"] == "INFO"
    assert line["logger"] == "serve.some.place"
    assert line["message"] == "step 3"
    assert (line["job_id"], line["step"], line["seconds"]) == ("video_1", 3, 0.25)
    assert isinstance(line["pid"], int)


def test_while_a_request_is_served_its_lines_say_which() -> None:
    token = REQUEST_ID.set("abc-1")
    line = as_json("accepted", job_id="video_1")
    REQUEST_ID.reset(token)
    assert (line["request_id"], line["job_id"]) == ("abc-1", "video_1")
    assert "request_id" not in as_json("accepted", job_id="video_1")


def test_text_line_reads_well() -> None:
    line = TextLines().format(record("adopted", job_id="video_1", step=3))
    assert line == "09:10:01.123 INFO    serve.some.place: adopted  job_id=video_1 step=3"
    assert TextLines().format(record("ready")).endswith("serve.some.place: ready")


@pytest.mark.parametrize("field", ["prompt", "negative_prompt", "spec", "job", "body"])
def test_fields_that_are_not_on_the_list_do_not_get_through(field: str) -> None:
    extra = {field: SECRET, "job_id": "video_1"}
    assert SECRET not in JsonLines().format(record("made", **extra))
    assert SECRET not in TextLines().format(record("made", **extra))
    assert as_json("made", **extra)["job_id"] == "video_1"


def test_a_value_cannot_forge_a_second_line() -> None:
    line = TextLines().format(record("bad id %s", "x\n09:00 INFO serve: all is well", code="a\rb"))
    assert len(line.splitlines()) == 1
    assert "x\\n09:00" in line


def test_values_that_json_does_not_know_become_text() -> None:
    assert as_json("odd", code={1}, model=torch.float32)["model"] == "torch.float32"


class Body(pydantic.BaseModel):
    prompt: int


def quoting_errors() -> list[BaseException]:
    """Errors whose messages hold what somebody wrote."""
    with pytest.raises(pydantic.ValidationError) as caught:
        Body.model_validate({"prompt": SECRET})
    assert SECRET in str(caught.value)
    return [caught.value, raised(ValueError(SECRET)), raised(KeyError(SECRET))]


def test_messages_of_exceptions_that_may_quote_are_left_out() -> None:
    for error in quoting_errors():
        for line in (
            JsonLines().format(record("it broke", error=error)),
            TextLines().format(record("it broke", error=error)),
            JsonLines().format(record("it broke", error=raised(RuntimeError("again"), error))),
        ):
            assert SECRET not in line
            assert type(error).__name__ in line


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        ConnectionRefusedError("No space left on device"),
        RuntimeError("No space left on device"),
        torch.OutOfMemoryError("No space left on device"),
        SpecError("size", "invalid_size", "No space left on device"),
    ],
)
def test_messages_of_the_system_devices_and_our_own_are_kept(error: BaseException) -> None:
    line = as_json("it broke", error=raised(error))
    assert line["exception"][-1].endswith("No space left on device")
    assert "test_logs.py" in line["exception"][0]
    assert "in raised" in line["exception"][0]


def test_causes_come_first_and_suppressed_ones_do_not_come() -> None:
    chain = as_json("it broke", error=raised(RuntimeError("second"), OSError("first")))
    kinds = [part for part in chain["exception"] if "Error: " in part]
    assert kinds == ["OSError: first", "RuntimeError: second"]
    with pytest.raises(RuntimeError) as caught:
        _replace_an_error()
    alone = as_json("it broke", error=caught.value)
    assert [part for part in alone["exception"] if "Error" in part] == ["RuntimeError: shown"]


def _replace_an_error() -> None:
    try:
        raise OSError("hidden")
    except OSError:
        raise RuntimeError("shown") from None


def test_text_shows_frames_below_the_line() -> None:
    lines = TextLines().format(record("it broke", error=raised(OSError("disk")))).splitlines()
    assert lines[0].endswith("it broke")
    assert lines[-1] == "    OSError: disk"


@pytest.mark.parametrize("kind", ["json", "text"])
def test_configured_loggers_write_to_stderr_once(
    kind: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Log(format=kind, level="INFO"))
    configure_logging(Log(format=kind, level="INFO"))
    logging.getLogger("serve.a.b").info("hello", extra={"job_id": "video_1"})
    logging.getLogger("pipelines.c").debug("too fine")
    logging.getLogger("elsewhere").info("not ours")
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "hello" in err
    assert "video_1" in err
    assert err.startswith("{") == (kind == "json")


def test_level_is_obeyed(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(Log(level="DEBUG"))
    logging.getLogger("autoscaling.x").debug("fine")
    assert "fine" in capfd.readouterr().err
