"""What a tiny model accepts, for tests that need any model's limits."""

from pipelines.spec import ModelLimits

TINY_LIMITS = ModelLimits(
    sizes=((64, 32), (32, 64)),
    free_sizes=True,
    size_multiple=16,
    max_pixels=96 * 96,
    frame_stride=8,
    default_frames=17,
    max_frames=41,
    default_fps=8,
    min_fps=4,
    max_fps=30,
    default_steps=3,
    max_steps=50,
    default_guidance=3.0,
    max_guidance=10.0,
    default_negative_prompt="blurry",
    max_prompt_chars=200,
    image="optional",
    sound=True,
)
