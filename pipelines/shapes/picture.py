"""Image encoders, by the keys of their configs: CLIP (Wan 2.1) and SigLIP (HunyuanVideo 1.5)."""

from collections.abc import Mapping
from typing import Any

Config = Mapping[str, Any]
# transformers leaves out of a config what equals the class's default.
VISION_DEFAULTS = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}


def picture_parameters(encoder: Config | None) -> int:
    """Weights of its layers; 0 where a model has none.

    Embeddings of a few hundred patches weigh under 1 %.
    """
    if not encoder:
        return 0
    known = {**VISION_DEFAULTS, **encoder.get("vision_config", encoder)}
    width, ffn = known["hidden_size"], known["intermediate_size"]
    return int(known["num_hidden_layers"] * (4 * width**2 + 2 * width * ffn))
