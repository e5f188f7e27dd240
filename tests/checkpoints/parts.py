"""What tiny checkpoints of all families have in common."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

Model = TypeVar("Model", bound=torch.nn.Module)
LIMITS = {"default_frames": 5, "max_frames": 9, "default_steps": 4, "max_pixels": 96 * 96}


def save(pipeline: Any, folder: Path, stated: Mapping[str, Any]) -> None:
    """The pipeline in diffusers format, with what it states about itself."""
    pipeline.save_pretrained(folder)
    (folder / "filmgate.json").write_text(json.dumps(stated))


def uneven(transformer: Model) -> Model:
    """With norms that weigh channels differently, as trained ones do and fresh ones do not."""
    for name, parameter in transformer.named_parameters():
        if "norm" in name and parameter.ndim == 1 and name.endswith("weight"):
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return transformer


def word_tokenizer() -> PreTrainedTokenizerFast:
    """A word-level tokenizer; its start token keeps an empty prompt from being no token at all."""
    words = "<pad> <bos> <eos> <unk> a red blue green ball square cat moves bounces on white"
    vocabulary = {word: i for i, word in enumerate(words.split())}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
    )
