"""A clip that no device here can hold is refused before it is a job, with one that would fit."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipelines.spec import ClipSpec, SpecError
from tests.contract.browser import browsing, fault
from tests.contract.studio import TINY


async def test_a_clip_without_room_is_refused(tmp_path: Path) -> None:
    asked: list[Mapping[str, int]] = []

    def check_fits(spec: ClipSpec, gang_bytes: Mapping[str, int]) -> None:
        asked.append(gang_bytes)
        if spec.num_frames > 17:
            raise SpecError("seconds", "too_large_for_memory", "17 frames would fit.")

    async with browsing(tmp_path, models=(replace(TINY, check_fits=check_fits),)) as browser:
        answer = await browser.http.post("/v1/videos", json={"prompt": "x", "num_frames": 25})
        assert fault(answer) == (400, "too_large_for_memory", "seconds")
        assert "17 frames" in answer.json()["error"]["message"]
        assert (await browser.http.get("/v1/videos")).json()["data"] == []
        answer = await browser.http.post("/v1/videos", json={"prompt": "x", "num_frames": 17})
        assert answer.status_code == 200
    assert asked == [{}, {}], "no gang has said what it has"
