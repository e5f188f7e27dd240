"""What the library's HunyuanVideo 1.5 lacks: blocks that keep the picture, attention without masks.

Legend: B batch, S tokens (V video, then T text, glyphs and picture), C channels.
"""

from typing import Any

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.transformers.transformer_hunyuan_video15 import (
    HunyuanVideo15AttnProcessor2_0,
    HunyuanVideo15TransformerBlock,
)
from diffusers.modular_pipelines.hunyuan_video1_5 import before_denoise
from diffusers.modular_pipelines.hunyuan_video1_5 import modular_blocks_hunyuan_video1_5 as library
from diffusers.modular_pipelines.modular_pipeline_utils import InputParam


class KeepPicture(before_denoise.HunyuanVideo15PrepareLatentsStep):  # type: ignore[misc]
    """The library's step, which puts zeros where SigLIP's view of the picture was."""

    @property
    def inputs(self) -> list[Any]:
        """The library's, and what it forgets."""
        return [*super().inputs, InputParam("image_embeds", required=True)]

    def __call__(self, components: Any, state: Any) -> tuple[Any, Any]:
        """Prepare noise; the picture's embedding stays."""
        embedding = state.get("image_embeds")
        components, state = super().__call__(components, state)
        state.set("image_embeds", embedding)
        return components, state


class PictureDenoise(library.HunyuanVideo15Image2VideoCoreDenoiseStep):  # type: ignore[misc]
    """Image-to-video denoising that sees the picture."""

    block_classes = [  # noqa: RUF012
        KeepPicture if block is before_denoise.HunyuanVideo15PrepareLatentsStep else block
        for block in library.HunyuanVideo15Image2VideoCoreDenoiseStep.block_classes
    ]


class PictureBlocks(library.HunyuanVideo15Image2VideoBlocks):  # type: ignore[misc]
    """The library's image-to-video blocks with that denoising."""

    block_classes = [  # noqa: RUF012
        PictureDenoise if block is library.HunyuanVideo15Image2VideoCoreDenoiseStep else block
        for block in library.HunyuanVideo15Image2VideoBlocks.block_classes
    ]


def drop_padding(transformer: torch.nn.Module) -> None:
    """Give every block of the transformer one processor that needs no mask."""
    processor = WithoutPadding()
    for module in transformer.modules():
        if isinstance(module, HunyuanVideo15TransformerBlock):
            module.attn.set_processor(processor)


class WithoutPadding(HunyuanVideo15AttnProcessor2_0):  # type: ignore[misc]
    """Attention over the tokens that are not padding, instead of a mask of S x S over all.

    The transformer puts padding last, so leaving it out is a slice. The library's mask takes 2.6 GB
    for 121 frames at 480p and 12.9 GB at 720p in each block, and most attention backends refuse
    masks. Padding gets zeros, as from the mask; nothing reads them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counted: tuple[torch.Tensor, int] | None = None

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        image_rotary_emb: torch.Tensor | None = None,
    ) -> Any:
        """As the library's, for one clip; several in a batch have paddings of their own."""
        if encoder_hidden_states is None or attention_mask is None or len(hidden_states) > 1:
            return super().__call__(
                attn, hidden_states, encoder_hidden_states, attention_mask, image_rotary_emb
            )
        text_btc = encoder_hidden_states[:, : self._num_kept(attention_mask)]
        padding = encoder_hidden_states.shape[1] - text_btc.shape[1]
        num_video = hidden_states.shape[1]
        attended = dispatch_attention_fn(
            *_projected(attn, hidden_states, text_btc, image_rotary_emb),
            backend=self._attention_backend,
            parallel_config=self._parallel_config,
        )
        joint_bsc = attended.flatten(2, 3).to(hidden_states.dtype)
        video_bvc = attn.to_out[1](attn.to_out[0](joint_bsc[:, :num_video]))
        kept_btc = attn.to_add_out(joint_bsc[:, num_video:])
        return video_bvc, torch.nn.functional.pad(kept_btc, (0, 0, 0, padding))

    def _num_kept(self, mask: torch.Tensor) -> int:
        """Counted once a pass, whose blocks share the mask: each count waits for the device."""
        if self._counted is None or self._counted[0] is not mask:
            self._counted = mask, int(mask.bool().sum())
        return self._counted[1]


def _projected(
    attn: Any, video_bvc: torch.Tensor, text_btc: torch.Tensor, rotation: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries, keys and values of both streams, one after the other; heads in a third axis."""

    def heads(projection: Any, tokens: torch.Tensor) -> torch.Tensor:
        split: torch.Tensor = projection(tokens).unflatten(2, (attn.heads, -1))
        return split

    query, key = attn.norm_q(heads(attn.to_q, video_bvc)), attn.norm_k(heads(attn.to_k, video_bvc))
    text_query = attn.norm_added_q(heads(attn.add_q_proj, text_btc))
    text_key = attn.norm_added_k(heads(attn.add_k_proj, text_btc))
    return (
        torch.cat([apply_rotary_emb(query, rotation, sequence_dim=1), text_query], dim=1),
        torch.cat([apply_rotary_emb(key, rotation, sequence_dim=1), text_key], dim=1),
        torch.cat([heads(attn.to_v, video_bvc), heads(attn.add_v_proj, text_btc)], dim=1),
    )
