"""What is counted when a rehearsal is over."""

from dataclasses import replace

from benchmarks.rehearsal.outcome import doubled
from benchmarks.rehearsal.performance import stored_clips
from serve.artifacts.location import in_memory_artifacts
from serve.artifacts.store import clip_prefix, input_key, latents_key
from tests.unit.benchmarks.rehearsal.stage_play import OVER


async def test_a_second_video_of_a_job_is_found_in_the_store() -> None:
    artifacts = in_memory_artifacts()
    for key in (input_key("a"), latents_key("a"), f"{clip_prefix('b', 1)}thumbnail.webp"):
        await artifacts.put(key, b"")
    for prefix in (clip_prefix("a", 1), clip_prefix("a", 2), clip_prefix("b", 3)):
        await artifacts.put(f"{prefix}video.mp4", b"")
    found = await stored_clips(artifacts)
    assert found == {"a": 2, "b": 1}
    assert doubled(replace(OVER, clips=found)) == 1
    await artifacts.close()
