"""HunyuanVideo's prices against torch's own counts, small and full-size, on the meta device."""

from typing import Any

import pytest
import torch
from transformers import Qwen2_5_VLTextConfig, Qwen2_5_VLTextModel, T5Config, T5EncoderModel

from pipelines.cost import decode_flops, encode_flops, pass_flops
from pipelines.families.hunyuan_parts import WithoutPadding
from pipelines.shapes.configs import shape_from_configs
from pipelines.spec import ClipSpec
from tests.counting import NO_TEXT_ENCODER, built, counted, parameters, shape_of, spec
from tests.model_configs import FULL_HUNYUAN, HUNYUAN_CLASSES, SMALL_HUNYUAN

SMALL = spec(96, 64, 17)
LARGE = spec(848, 480, 121)


class Counted(WithoutPadding):
    """With a count that the meta device has no numbers for."""

    def __init__(self, num_kept: int) -> None:
        super().__init__()
        self._kept = num_kept

    def _num_kept(self, mask: torch.Tensor) -> int:
        return self._kept


def one_pass(model: Any, clip: ClipSpec, latents: tuple[int, ...]) -> None:
    """A pass of the blocks alone: what is around them chooses tokens by their values."""
    context = 1000 + 256 + 729
    processor = Counted(1000 + (729 if clip.has_image else 0))
    hidden = torch.zeros(1, model.config.in_channels, *latents)
    rotation = model.rope(hidden)
    embedding = model.time_embed(torch.zeros(1))
    video = model.x_embedder(hidden)
    model.context_embedder(torch.zeros(1, 1000, model.config.text_embed_dim), torch.zeros(1))
    model.context_embedder_2(torch.zeros(1, 256, model.config.text_embed_2_dim))
    model.image_embedder(torch.zeros(1, 729, model.config.image_embed_dim))
    text = torch.zeros(1, context, video.shape[2])
    for block in model.transformer_blocks:
        block.attn.set_processor(processor)
        video, text = block(video, text, embedding, torch.ones(1, context), rotation)
    model.proj_out(model.norm_out(video, embedding))


@pytest.mark.parametrize("has_image", [False, True])
@pytest.mark.parametrize(("configs", "clip"), [(SMALL_HUNYUAN, SMALL), (FULL_HUNYUAN, LARGE)])
def test_pass(configs: dict[str, Any], clip: ClipSpec, has_image: bool) -> None:
    models = built(HUNYUAN_CLASSES, configs)
    shape = shape_of(models, 1000)
    transformer = models["transformer"]
    clip = spec(clip.width, clip.height, clip.num_frames, has_image=has_image)
    side, stride = shape.token_side, shape.token_frames
    latents = ((clip.num_frames - 1) // stride + 1, clip.height // side, clip.width // side)
    assert shape.exact
    measured = counted(lambda: one_pass(transformer, clip, latents))
    assert pass_flops(shape, clip) == pytest.approx(measured, rel=0.02)
    assert shape.transformer.parameters == pytest.approx(parameters(transformer), rel=0.02)


@pytest.mark.parametrize(
    ("configs", "clip"), [(SMALL_HUNYUAN, SMALL), (FULL_HUNYUAN, spec(64, 64, 9))]
)
def test_vae(configs: dict[str, Any], clip: ClipSpec) -> None:
    models = built(HUNYUAN_CLASSES, configs)
    shape, vae = shape_of(models, 1000), models["vae"]
    side, stride = shape.token_side, shape.token_frames
    frames = (clip.num_frames - 1) // stride + 1
    channels = vae.config.latent_channels
    latents = torch.zeros(1, channels, frames, clip.height // side, clip.width // side)
    measured = counted(lambda: vae.decode(latents.to("meta")))
    assert decode_flops(shape, clip) == pytest.approx(measured, rel=0.05)
    assert shape.decoder.parameters == pytest.approx(parameters(vae.decoder), rel=0.02)


def test_text_encoder() -> None:
    config = Qwen2_5_VLTextConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=300,
        rope_parameters={"rope_type": "default", "mrope_section": [2, 3, 3]},
    )
    glyphs = T5Config(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, vocab_size=384)
    with torch.device("meta"):
        encoder, glyph_encoder = Qwen2_5_VLTextModel(config), T5EncoderModel(glyphs)
    models = built(HUNYUAN_CLASSES, SMALL_HUNYUAN)
    configs = {name: dict(model.config) for name, model in models.items()}
    configs["transformer"]["_class_name"] = "HunyuanVideo15Transformer3DModel"
    configs["text_encoder"] = config.to_diff_dict()
    configs["text_encoder_2"] = glyphs.to_diff_dict()
    shape = shape_from_configs(NO_TEXT_ENCODER | configs, text_tokens=1000)
    ids = torch.zeros(1, 1108, dtype=torch.long, device="meta")
    measured = 2 * counted(lambda: encoder(input_ids=ids))
    assert encode_flops(shape, SMALL) == pytest.approx(measured, rel=0.05)
    known = parameters(encoder, glyph_encoder)
    assert shape.text.parameters == pytest.approx(known, rel=0.05)


def test_the_full_size_model_has_8_billion_weights() -> None:
    shape = shape_of(built(HUNYUAN_CLASSES, FULL_HUNYUAN), 1000)
    assert shape.transformer.parameters == pytest.approx(8.3e9, rel=0.02)
