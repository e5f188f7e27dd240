"""The tokenizer of the embedded model: a word-piece vocabulary of the two languages' own words."""

import re

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from pipelines.embedded.language import TONGUES

SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")


def stem_and_ending(word: str, endings: tuple[str, ...]) -> tuple[str, str]:
    """Split a Korean word into stem and particle, as in 공 + 이; the particle may be empty."""
    for ending in sorted(endings, key=len, reverse=True):
        if word.endswith(ending) and len(word) > len(ending):
            return word[: -len(ending)], ending
    return word, ""


def word_pieces() -> list[str]:
    """All pieces in a fixed order: special tokens, then words and stems, then endings marked ##."""
    pieces: set[str] = set()
    for tongue in TONGUES.values():
        for word in re.findall(r"\w+", " ".join(tongue.phrases()).lower()):
            stem, _ = stem_and_ending(word, tongue.endings)
            pieces.add(stem)
        pieces.update("##" + ending for ending in tongue.endings)
    return [*SPECIAL, *sorted(pieces)]


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Make the tokenizer: case and punctuation are dropped, unknown words become one <unk> each."""
    vocabulary = {piece: index for index, piece in enumerate(word_pieces())}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>", max_input_chars_per_word=64))
    core.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"[^\w\s]"), " ")]
    )
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", vocabulary["<bos>"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="left",
    )
