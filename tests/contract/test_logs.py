"""What a Gateway logs of a request: which one it was and which job, and never what it asked for."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve.telemetry.logs import JsonLines
from tests.contract.browser import browsing
from tests.contract.faulty import DOWN, Faulty, failing

PROMPT = "a most secret lighthouse"


class Lines(logging.Handler):
    """All lines of our own, as a service with `log.format: json` writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += self.format(record) + "\n"

    def said(self, message: str) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if str(line["message"]).startswith(message)]


@pytest.fixture
def lines() -> Iterator[Lines]:
    made, logger = Lines(), logging.getLogger("serve")
    before = logger.level
    logger.addHandler(made)
    logger.setLevel(logging.DEBUG)
    yield made
    logger.setLevel(before)
    logger.removeHandler(made)


async def test_a_job_is_found_by_the_id_of_its_request(tmp_path: Path, lines: Lines) -> None:
    async with browsing(tmp_path) as browser:
        headers = {"x-request-id": "caller-1"}
        body = {"prompt": f"queue {PROMPT}", "negative_prompt": PROMPT}
        made = await browser.http.post("/v1/videos", json=body, headers=headers)
        (line,) = lines.said("accepted")
        assert (line["request_id"], line["job_id"]) == ("caller-1", made.json()["id"])
        await browser.http.post("/v1/videos", json=body)
        assert len({line["request_id"] for line in lines.said("accepted")}) == 2
    assert PROMPT not in lines.text


@pytest.mark.parametrize("sent", ["x" * 200, "a line\\n", PROMPT])
async def test_an_id_that_is_none_is_replaced(tmp_path: Path, lines: Lines, sent: str) -> None:
    async with browsing(tmp_path) as browser:
        headers = {"x-request-id": sent}
        await browser.http.post("/v1/videos", json={"prompt": "queue"}, headers=headers)
    (line,) = lines.said("accepted")
    assert line["request_id"] != sent
    assert len(str(line["request_id"])) == 32


async def test_what_went_wrong_says_of_which_request_and_quotes_nothing(
    tmp_path: Path, lines: Lines
) -> None:
    async with browsing(tmp_path) as browser:
        parts = browser.studio.parts
        broken = Faulty(parts.store, "insert", failing(DOWN))
        async with browsing(tmp_path / "other", store=broken) as other:
            headers = {"x-request-id": "caller-2"}
            body = {"prompt": PROMPT}
            answer = await other.http.post("/v1/videos", json=body, headers=headers)
            assert answer.status_code == 503
    (line,) = lines.said("inserting ended with")
    assert line["request_id"] == "caller-2"
    assert str(line["job_id"]).startswith("video_")
    assert PROMPT not in lines.text
