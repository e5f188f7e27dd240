"""The cost model's counts against torch's own, on the real classes, small and full-size.

Everything is on the meta device: shapes without numbers, so that even a 19B model takes seconds.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import Gemma3TextConfig, Gemma3TextModel, UMT5Config, UMT5EncoderModel

from pipelines.cost import decode_flops, encode_flops, pass_flops, tokens
from pipelines.shapes.configs import shape_from_configs
from pipelines.shapes.shape import ModelShape
from pipelines.spec import ClipSpec
from tests.counting import built, counted, parameters, shape_of, spec
from tests.model_configs import (
    FULL_LTX2,
    FULL_WAN,
    LTX2_CLASSES,
    SMALL_LTX2,
    SMALL_WAN,
    WAN_CLASSES,
    WAN_PICTURE,
)

SMALL = spec(96, 64, 17, fps=8)
LARGE = spec(768, 512, 121)


def run_ltx2(model: Any, shape: ModelShape, clip: ClipSpec) -> Callable[[], Any]:
    count = tokens(shape, clip)
    text = torch.zeros(1, shape.text_tokens, model.config.caption_channels, device="meta")
    per_token = (1, count["video"]) if clip.has_image else (1,)
    return lambda: model(
        hidden_states=torch.zeros(1, count["video"], model.config.in_channels),
        audio_hidden_states=torch.zeros(1, count["audio"], model.config.audio_in_channels),
        encoder_hidden_states=text,
        audio_encoder_hidden_states=text,
        timestep=torch.zeros(per_token),
        audio_timestep=torch.zeros(1),
        sigma=torch.zeros(1),
        num_frames=(clip.num_frames - 1) // shape.token_frames + 1,
        height=clip.height // shape.token_side,
        width=clip.width // shape.token_side,
        audio_num_frames=count["audio"],
        use_cross_timestep=True,
    )


@pytest.mark.parametrize(
    ("configs", "clip", "text_tokens"),
    [
        (SMALL_LTX2, SMALL, 32),
        (SMALL_LTX2, spec(96, 64, 17, fps=8, has_image=True), 32),
        (SMALL_LTX2, spec(160, 96, 33, fps=8), 32),
        (FULL_LTX2, LARGE, 1024),
        (FULL_LTX2, spec(1280, 704, 241), 1024),
    ],
)
def test_ltx2_pass(configs: dict[str, Any], clip: ClipSpec, text_tokens: int) -> None:
    models = built(LTX2_CLASSES, configs)
    shape = shape_of(models, text_tokens)
    transformer = models["transformer"]
    assert shape.exact
    measured = counted(run_ltx2(transformer, shape, clip))
    assert pass_flops(shape, clip) == pytest.approx(measured, rel=0.02)
    assert shape.transformer.parameters == pytest.approx(parameters(transformer), rel=0.02)


@pytest.mark.parametrize(("configs", "clip"), [(SMALL_LTX2, SMALL), (FULL_LTX2, LARGE)])
def test_ltx2_decoders(configs: dict[str, Any], clip: ClipSpec) -> None:
    models = built(LTX2_CLASSES, configs)
    shape = shape_of(models, 32)
    vae, audio_vae, vocoder = models["vae"], models["audio_vae"], models["vocoder"]
    latents = torch.zeros(
        1,
        vae.config.latent_channels,
        (clip.num_frames - 1) // shape.token_frames + 1,
        clip.height // shape.token_side,
        clip.width // shape.token_side,
        device="meta",
    )
    video = counted(lambda: vae.decode(latents))
    columns = tokens(shape, clip)["audio"]
    channels, bins = audio_vae.config.latent_channels, audio_vae.config.mel_bins
    sound = counted(
        lambda: vocoder(audio_vae.decode(torch.zeros(1, channels, columns, bins // 4)).sample)
    )
    silent = spec(clip.width, clip.height, clip.num_frames, fps=clip.fps, sound=False)
    assert decode_flops(shape, silent) == pytest.approx(video, rel=0.05)
    assert decode_flops(shape, clip) - decode_flops(shape, silent) == pytest.approx(sound, rel=0.05)
    assert shape.decoder.parameters == pytest.approx(parameters(vae.decoder), rel=0.02)


def test_ltx2_text_encoder() -> None:
    width, tokens_a_prompt = 96, 64
    config = Gemma3TextConfig(
        hidden_size=width,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,
        vocab_size=500,
    )
    models = built(LTX2_CLASSES, SMALL_LTX2)
    with torch.device("meta"):
        encoder = Gemma3TextModel(config)
    configs = {name: dict(model.config) for name, model in models.items()}
    configs["transformer"]["_class_name"] = "LTX2VideoTransformer3DModel"
    configs["text_encoder"] = {"text_config": config.to_dict(), "architectures": ["Gemma3Model"]}
    shape = shape_from_configs(configs, text_tokens=tokens_a_prompt)
    ids = torch.zeros(1, tokens_a_prompt, dtype=torch.long, device="meta")
    features = torch.zeros(1, tokens_a_prompt, 3 * width, device="meta")
    measured = counted(lambda: encoder(input_ids=ids)) + counted(
        lambda: models["connectors"](features, torch.ones(1, tokens_a_prompt))
    )
    assert encode_flops(shape, SMALL) == pytest.approx(2 * measured, rel=0.05)
    known = parameters(encoder, models["connectors"])
    assert shape.text.parameters == pytest.approx(known, rel=0.02)


@pytest.mark.parametrize(
    ("configs", "clip", "text_tokens"),
    [
        (SMALL_WAN, SMALL, 64),
        (SMALL_WAN | {"transformer": SMALL_WAN["transformer"] | WAN_PICTURE}, SMALL, 512),
        (FULL_WAN, spec(832, 480, 81, fps=16), 512),
        (FULL_WAN, spec(1280, 720, 81, fps=16), 512),
    ],
)
def test_wan_pass(configs: dict[str, Any], clip: ClipSpec, text_tokens: int) -> None:
    models = built(WAN_CLASSES, configs)
    shape = shape_of(models, text_tokens)
    model = models["transformer"]
    picture = model.config.image_dim is not None
    clip = spec(clip.width, clip.height, clip.num_frames, fps=clip.fps, has_image=picture)
    frames = (clip.num_frames - 1) // shape.token_frames + 1
    size = (clip.height // 8, clip.width // 8)
    measured = counted(
        lambda: model(
            hidden_states=torch.zeros(1, model.config.in_channels, frames, *size),
            timestep=torch.zeros(1),
            encoder_hidden_states=torch.zeros(1, text_tokens, model.config.text_dim),
            encoder_hidden_states_image=(
                torch.zeros(1, 257, model.config.image_dim) if picture else None
            ),
        )
    )
    assert shape.exact
    assert pass_flops(shape, clip) == pytest.approx(measured, rel=0.02)
    assert shape.transformer.parameters == pytest.approx(parameters(model), rel=0.02)


@pytest.mark.parametrize(
    ("configs", "clip"), [(SMALL_WAN, SMALL), (FULL_WAN, spec(832, 480, 81, fps=16))]
)
def test_wan_vae(configs: dict[str, Any], clip: ClipSpec) -> None:
    vae = built(WAN_CLASSES, configs)["vae"]
    shape = shape_of(built(WAN_CLASSES, configs), 512)
    frames = (clip.num_frames - 1) // shape.token_frames + 1
    latents = torch.zeros(1, 16, frames, clip.height // 8, clip.width // 8, device="meta")
    measured = counted(lambda: vae.decode(latents))
    assert decode_flops(shape, clip) == pytest.approx(measured, rel=0.05)
    assert shape.decoder.parameters == pytest.approx(parameters(vae.decoder), rel=0.02)


def test_wan_text_encoder_and_first_frame() -> None:
    config = UMT5Config(d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4, vocab_size=300)
    models = built(WAN_CLASSES, FULL_WAN)
    with torch.device("meta"):
        encoder = UMT5EncoderModel(config)
    configs = {name: dict(model.config) for name, model in models.items()}
    configs["transformer"]["_class_name"] = "WanTransformer3DModel"
    configs["text_encoder"] = config.to_diff_dict()
    shape = shape_from_configs(configs, text_tokens=512)
    ids = torch.zeros(1, 512, dtype=torch.long, device="meta")
    text = 2 * counted(lambda: encoder(input_ids=ids))
    clip = spec(832, 480, 81, fps=16)
    assert encode_flops(shape, clip) == pytest.approx(text, rel=0.05)
    # A first frame is encoded as a whole clip; the encoder has two resnets where the decoder,
    # which stands in for it, has three.
    frames = counted(lambda: models["vae"].encode(torch.zeros(1, 3, 81, 480, 832)))
    with_image = encode_flops(shape, spec(832, 480, 81, fps=16, has_image=True))
    assert 1.0 < with_image / (text + frames) < 1.8


def test_full_size_models_need_what_they_are_known_to_need() -> None:
    """Weights, by what they are called after."""
    ltx2 = shape_of(built(LTX2_CLASSES, FULL_LTX2), 1024)
    wan = shape_of(built(WAN_CLASSES, FULL_WAN), 512)
    assert ltx2.transformer.parameters == pytest.approx(19e9, rel=0.05)
    assert wan.transformer.parameters == pytest.approx(14.3e9, rel=0.05)
