"""The parts of the embedded model that are trained jointly: they read, and they denoise."""

from dataclasses import dataclass

import torch
from diffusers import LTX2VideoTransformer3DModel
from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors
from torch import Tensor, nn
from transformers import Gemma3TextModel, PreTrainedTokenizerBase

from pipelines.embedded.network import build_connectors, build_text_encoder, build_transformer
from pipelines.embedded.vocabulary import build_tokenizer


@dataclass(frozen=True)
class Denoiser:
    """The jointly trained parts and their tokenizer."""

    tokenizer: PreTrainedTokenizerBase
    text_encoder: Gemma3TextModel
    connectors: LTX2TextConnectors
    transformer: LTX2VideoTransformer3DModel

    def modules(self) -> dict[str, nn.Module]:
        """The trained parts by name."""
        return {
            "text_encoder": self.text_encoder,
            "connectors": self.connectors,
            "transformer": self.transformer,
        }

    def embed(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Text for video and audio (batch, MAX_TEXT, width); registers fill what is masked."""
        output = self.text_encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = torch.stack(output.hidden_states, dim=-1).flatten(2, 3)
        video, audio, _ = self.connectors(states, mask, padding_side="left")
        return video, audio

    def velocity(
        self,
        video: Tensor,
        audio: Tensor,
        text: tuple[Tensor, Tensor],
        *,
        timestep: Tensor,
        sigma: Tensor,
        grid: tuple[int, int, int],
        rate: float,
    ) -> tuple[Tensor, Tensor]:
        """Noise minus data; `timestep` (batch,) or (batch, tokens), `sigma` (batch,), 0..1000."""
        return self.transformer(  # type: ignore[no-any-return]
            hidden_states=video,
            audio_hidden_states=audio,
            encoder_hidden_states=text[0],
            audio_encoder_hidden_states=text[1],
            timestep=timestep,
            audio_timestep=sigma,
            sigma=sigma,
            num_frames=grid[0],
            height=grid[1],
            width=grid[2],
            fps=rate,
            audio_num_frames=audio.shape[1],
            use_cross_timestep=True,
            return_dict=False,
        )


def build_denoiser(device: torch.device) -> Denoiser:
    """Make the untrained parts."""
    tokenizer = build_tokenizer()
    return Denoiser(
        tokenizer,
        build_text_encoder(len(tokenizer)).to(device),
        build_connectors().to(device),
        build_transformer().to(device),
    )
