"""Teach the text encoder to read: which slots a caption names, and what it says of each.

A denoiser alone teaches this slowly, for the picture hides who is red and who is the background
behind noise. The heads that ask the questions are not part of the model and are thrown away.
"""

from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from pipelines.embedded.language import SLOTS
from pipelines.embedded.network import MAX_TEXT, TEXT_WIDTH
from pipelines.embedded.scene import BACKGROUNDS, COLOURS, MOTIONS, SHAPES, SOUNDS
from pipelines.embedded.world import draw_training_scene, training_caption

ANSWERS: Final = MappingProxyType(
    {
        "colour": COLOURS,
        "shape": SHAPES,
        "motion": MOTIONS,
        "background": BACKGROUNDS,
        "sound": SOUNDS,
    }
)
UNSAID: Final = -100
"""The target of a slot that a caption leaves out: it asks nothing."""


class Questions(nn.Module):
    """One question a slot: it looks at the tokens as cross attention does, and names a value."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = nn.Parameter(torch.randn(len(SLOTS), TEXT_WIDTH) / TEXT_WIDTH**0.5)
        self.heads = nn.ModuleList(nn.Linear(TEXT_WIDTH, len(ANSWERS[slot])) for slot in SLOTS)

    def loss(self, text: Tensor, targets: Tensor) -> Tensor:
        """Cross entropy of tokens (batch, tokens, width) against targets (batch, slots)."""
        text = text.float()
        attention = torch.softmax(self.looks @ text.mT / TEXT_WIDTH**0.5, dim=-1)
        found = attention @ text
        losses = [
            nn.functional.cross_entropy(head(found[:, slot]), targets[:, slot], ignore_index=UNSAID)
            for slot, head in enumerate(self.heads)
        ]
        return torch.stack(losses).mean()


def draw_captions(
    tokenizer: PreTrainedTokenizerBase, generator: np.random.Generator, count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Fresh captions as ids and mask (count, MAX_TEXT), and what they say (count, slots)."""
    captions, targets = [], []
    for _ in range(count):
        scene = draw_training_scene(generator)
        caption, said = training_caption(scene, generator, empty=0.0)
        captions.append(caption)
        targets.append(
            [
                ANSWERS[slot].index(getattr(scene, slot)) if slot in said else UNSAID
                for slot in SLOTS
            ]
        )
    text = tokenizer(
        captions, padding="max_length", max_length=MAX_TEXT, truncation=True, return_tensors="pt"
    )
    return text.input_ids, text.attention_mask, torch.tensor(targets)
