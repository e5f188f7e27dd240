"""Captions, the vocabulary that reads them, and what is kept from training."""

import numpy as np
import pytest

from pipelines.embedded.language import LANGUAGES, TONGUES, write_caption
from pipelines.embedded.scene import Scene
from pipelines.embedded.vocabulary import build_tokenizer
from pipelines.embedded.world import (
    draw_held_out_scene,
    draw_training_scene,
    held_out_examples,
    is_held_out,
    training_caption,
)

SCENE = Scene("ball", "red", "blue", "left", "beep")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("held_out", [False, True])
def test_every_word_of_a_caption_is_known(language: str, held_out: bool) -> None:
    tokenizer = build_tokenizer()
    generator = np.random.default_rng(1)
    for _ in range(300):
        scene = draw_training_scene(generator)
        text = write_caption(scene, language, generator, held_out=held_out)
        assert tokenizer.unk_token_id not in tokenizer(text).input_ids, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_full_caption_names_all_there_is(language: str) -> None:
    tongue = TONGUES[language]
    generator = np.random.default_rng(2)
    for _ in range(50):
        text = write_caption(SCENE, language, generator)
        assert any(word in text for word in tongue.colour["red"])
        assert any(word in text for word in tongue.colour["blue"])
        assert any(word in text for word in tongue.shape["ball"])
        assert any(word in text for word in tongue.motion["left"])
        assert any(word in text for word in tongue.sound["beep"])


def test_what_is_left_unsaid_stays_unsaid() -> None:
    generator = np.random.default_rng(3)
    for _ in range(50):
        text = write_caption(SCENE, "en", generator, said=frozenset({"shape", "motion"}))
        assert "blue" not in text
        assert "beep" not in text
        assert not any(word in text for word in TONGUES["en"].colour["red"])


def test_patterns_of_training_and_testing_differ() -> None:
    for tongue in TONGUES.values():
        assert not set(tongue.patterns) & set(tongue.held_out)


def test_unknown_words_become_one_token_and_case_does_not_matter() -> None:
    tokenizer = build_tokenizer()
    plain = tokenizer("a red ball").input_ids
    assert tokenizer("A Red BALL!").input_ids == plain
    odd = tokenizer("a red flibbertigibbet ball").input_ids
    assert [i for i in odd if i != tokenizer.unk_token_id] == plain


def test_particles_are_pieces_of_their_own() -> None:
    tokenizer = build_tokenizer()
    pieces = tokenizer.convert_ids_to_tokens(tokenizer("빨간 공이").input_ids)
    assert pieces == ["<bos>", "빨간", "공", "##이"]


def test_an_empty_prompt_is_not_empty_of_tokens() -> None:
    assert len(build_tokenizer()("").input_ids) == 1


def test_training_never_sees_held_out_combinations() -> None:
    generator = np.random.default_rng(4)
    assert not any(is_held_out(draw_training_scene(generator)) for _ in range(300))
    assert all(is_held_out(draw_held_out_scene(generator)) for _ in range(20))


def test_held_out_examples_are_fixed_and_balanced() -> None:
    examples = held_out_examples(24, seed=5)
    assert examples == held_out_examples(24, seed=5)
    assert sum(example.language == "ko" for example in examples) == 12
    assert {example.scene.motion for example in examples} == {
        "left", "right", "up", "down", "bounce", "still"
    }  # fmt: skip


def test_some_training_captions_are_empty() -> None:
    generator = np.random.default_rng(6)
    empty = sum(not training_caption(SCENE, generator)[0] for _ in range(1000))
    assert 60 < empty < 200
