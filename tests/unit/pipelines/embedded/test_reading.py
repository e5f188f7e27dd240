"""The questions that teach the text encoder to read ask only what a caption says."""

import numpy as np
import torch

from pipelines.embedded.language import SLOTS
from pipelines.embedded.network import TEXT_WIDTH
from pipelines.embedded.training.reading import ANSWERS, UNSAID, Questions, draw_captions
from pipelines.embedded.vocabulary import build_tokenizer


def test_every_slot_has_its_answers() -> None:
    assert set(ANSWERS) == set(SLOTS)


def test_targets_are_what_is_said_and_the_rest_is_not_asked() -> None:
    ids, mask, targets = draw_captions(build_tokenizer(), np.random.default_rng(1), 300)
    assert ids.shape == mask.shape == (300, 32)
    assert targets.shape == (300, len(SLOTS))
    asked = targets != UNSAID
    assert 0.8 < asked.float().mean() < 0.95
    for slot, name in enumerate(SLOTS):
        said = targets[:, slot][asked[:, slot]]
        assert said.unique().tolist() == list(range(len(ANSWERS[name])))


def test_questions_learn_to_tell_tokens_apart() -> None:
    torch.manual_seed(0)
    questions = Questions()
    text = torch.randn(8, 4, TEXT_WIDTH)
    targets = torch.randint(0, 3, (8, len(SLOTS)))
    targets[0, 0] = UNSAID
    optimiser = torch.optim.Adam(questions.parameters(), lr=0.05)
    losses = []
    for _ in range(60):
        loss = questions.loss(text, targets)
        losses.append(loss.item())
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()
    assert losses[0] > 1.0
    assert losses[-1] < 0.1
