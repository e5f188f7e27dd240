"""Every stage trains, resumes and ends in a checkpoint that diffusers loads unmodified."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pipelines.embedded import train
from pipelines.embedded.checkpoint import CLASSES, load_pipeline
from pipelines.embedded.generate import generate
from pipelines.embedded.scene import Frame
from pipelines.embedded.training import audio, stages, video_vae
from pipelines.embedded.training.chart import draw_chart
from pipelines.embedded.training.denoiser_batch import Batch
from pipelines.embedded.training.flow_matching import (
    SHAPE_WEIGHT,
    blindness,
    shape_weight,
    weights_of,
)
from pipelines.embedded.training.muon import Muon, orthogonalise, split_parameters
from pipelines.embedded.training.run import Run, learning_rate_factor, trained_weights
from pipelines.embedded.training.spectrogram import log_mel
from pipelines.embedded.training.stages import Plan


def tiny_run(folder: Path, steps: int) -> tuple[nn.Linear, list[int]]:
    """Train one layer on a fixed target; returns it and the steps that were run."""
    torch.manual_seed(0)
    layer = nn.Linear(32, 32)
    run = Run(folder, "tiny", steps, {"layer": layer}, {"muon": Muon([layer.weight], lr=0.05)})
    done = []
    for step in run:
        run.optimisers["muon"].zero_grad()
        (layer.weight - torch.eye(32)).square().sum().backward()
        run.optimisers["muon"].step()
        run.log(step, loss=1.0)
        done.append(step)
    return layer, done


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    _, first = tiny_run(tmp_path, 3)
    layer, second = tiny_run(tmp_path, 5)
    assert first == [0, 1, 2]
    assert second == [3, 4]
    again, third = tiny_run(tmp_path, 5)
    assert third == []
    assert torch.equal(again.weight, layer.weight)


def test_the_learning_rate_rises_and_falls() -> None:
    factors = [learning_rate_factor(step, 100) for step in range(100)]
    assert factors[0] < factors[19]
    assert factors[19:] == sorted(factors[19:], reverse=True)
    assert factors[-1] == pytest.approx(0.01)


def test_orthogonalised_rows_have_singular_values_near_one() -> None:
    values = torch.linalg.svdvals(orthogonalise(torch.randn(16, 64), steps=5).float())
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_small_and_named_parameters_are_not_for_muon() -> None:
    module = nn.ModuleDict({"inner": nn.Linear(32, 32), "embed": nn.Embedding(32, 32)})
    matrices, rest = split_parameters(module, plain=("embed",))
    assert [tuple(p.shape) for p in matrices] == [(32, 32)]
    assert len(rest) == 2


def test_the_same_step_gives_the_same_batch_and_stretches_are_nine_frames() -> None:
    first, _ = video_vae.batch_for(500, 1000, np.random.default_rng(1))
    again, cover = video_vae.batch_for(500, 1000, np.random.default_rng(1))
    assert torch.equal(first, again)
    assert first.shape == (4, 3, 9, 96, 96)
    assert cover.shape == (4, 2, 9, 96, 96)
    assert 0 < (cover[:, 1].abs() > 0.5).float().mean() < 0.05, "twins differ at corners alone"
    assert video_vae.batch_for(0, 1000, np.random.default_rng(1))[0].shape == (24, 3, 1, 96, 96)
    assert video_vae.batch_for(996, 1000, np.random.default_rng(1))[0].shape == (3, 3, 17, 96, 96)


def test_a_corner_of_the_wrong_colour_is_doubted_and_a_soft_one_is_not() -> None:
    generator = np.random.default_rng(3)
    video, cover = video_vae.clip_batch(generator, Frame(), 6, window=1)
    apart = cover[:, 1:]
    inside, outside = video.amax(dim=(3, 4), keepdim=True), video.amin(dim=(3, 4), keepdim=True)
    towards = (inside + outside - 2 * video) * apart.abs()  # the twin's picture, less this one
    right, soft, wrong = (
        video_vae.doubt(share * towards, video, cover).item() for share in (0.0, 0.25, 1.0)
    )
    assert right < soft < 0.3, soft
    assert wrong > 1, "soft edges of corners are half right at most"


def batch_of(video: torch.Tensor, other_shapes: torch.Tensor) -> Batch:
    """A batch with nothing in it but latents."""
    nothing = torch.zeros(0)
    return Batch(
        video=video,
        other_shapes=other_shapes,
        audio=nothing,
        weight=nothing,
        outline=nothing,
        ids=nothing,
        mask=nothing,
        grid=(1, 1, 1),
        rate=8.0,
    )


def test_blindness_is_the_error_towards_another_shape_and_nothing_else() -> None:
    video = torch.zeros(2, 1, 3)
    other = torch.tensor([[[[0.0, 2.0, 0.0]]], [[[0.0, 0.0, 0.0]]]])
    towards, aside = torch.tensor([[0.0, 3.0, 0.0]]), torch.tensor([[5.0, 0.0, 5.0]])
    batch = batch_of(video, other)
    assert blindness(torch.stack([towards, towards]), batch).tolist() == [9.0, 0.0]
    assert blindness(torch.stack([aside, aside]), batch).tolist() == [0.0, 0.0]


def test_shapes_begin_to_count_once_the_rest_is_known() -> None:
    weights = [shape_weight(step, 1000) for step in (0, 550, 625, 700, 999)]
    assert weights == [0.0, 0.0, pytest.approx(SHAPE_WEIGHT / 2), SHAPE_WEIGHT, SHAPE_WEIGHT]


def test_reading_is_asked_in_every_step_at_first_and_then_now_and_then() -> None:
    assert all("reading" in weights_of(step, 900) for step in range(300))
    assert [step for step in range(300, 320) if "reading" in weights_of(step, 900)] == [
        300,
        305,
        310,
        315,
    ]


def test_the_spectrogram_has_one_frame_a_hop_and_the_right_bin() -> None:
    time = torch.arange(16_000) / 16_000
    mel = log_mel(torch.sin(2 * np.pi * 1600 * time)[None, None])
    assert mel.shape == (1, 1, 100, 64)
    low = log_mel(torch.sin(2 * np.pi * 400 * time)[None, None])
    assert mel[0, 0, 50].argmax() > low[0, 0, 50].argmax()


def test_a_click_weighs_as_much_as_a_tone() -> None:
    mel = torch.full((2, 2, 100, 64), -11.5)
    mel[0, :, 50:54, 20] = 0.0  # a click
    mel[1, :, :, 20] = 0.0  # a tone
    weights = audio.loudness_weights(mel)
    assert weights.shape == (2, 1, 100, 1)
    assert weights.mean(dim=2).flatten().tolist() == pytest.approx([1.0, 1.0])
    assert weights[0, 0, 50:54].sum() > 40
    assert weights[1].std() == 0


def test_the_same_error_is_worse_where_little_is_heard() -> None:
    tone, click = torch.ones(2, 1600) * 0.25, torch.zeros(2, 1600)
    click[:, 800:840] = 0.9
    wave = torch.stack([tone, click])
    loudness = audio.loudness(wave)
    assert loudness.tolist() == pytest.approx([1.0, 0.1])
    loss = audio.wave_loss(wave + 0.01, wave)
    assert loss.shape == (2,)
    assert (loss / loudness)[1] > 5 * (loss / loudness)[0]


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A plan whose stages have all been trained for a step or two on a handful of clips."""
    measured = video_vae.held_out_psnr
    monkeypatch.setattr(video_vae, "held_out_psnr", lambda vae, _, device: measured(vae, 1, device))
    plan = Plan(
        folder=tmp_path / "runs",
        weights=tmp_path / "weights",
        device=torch.device("cpu"),
        steps={"video_vae": 1, "audio_vae": 2, "vocoder": 2, "denoiser": 2, "video_decoder": 2},
        clips=12,
        drafts=4,
    )
    stages.train_everything(plan)
    return plan


def test_from_nothing_to_clips(trained: Plan) -> None:
    index = json.loads((trained.weights / "model_index.json").read_text())
    assert index["_class_name"] == "LTX2Pipeline"
    assert set(CLASSES) < set(index)
    pipeline = load_pipeline(trained.weights)
    assert pipeline.vae.latents_std.std() > 0
    clips = generate(pipeline, ["a red ball", ""], [1, 2], Frame(), steps=2)
    assert clips[0].frames.shape == (17, 96, 96, 3)
    assert clips[0].sound.shape == (33_440,)
    assert np.isfinite(clips[0].sound).all()
    again = generate(pipeline, ["a red ball", ""], [1, 2], Frame(), steps=2)
    assert np.array_equal(clips[0].frames, again[0].frames)
    assert np.array_equal(clips[1].sound, again[1].sound)
    draw_chart(trained.folder, trained.weights / "training.png")
    assert (trained.weights / "training.png").stat().st_size > 1000
    adopted = Plan(trained.folder / "b", trained.weights, trained.device, trained.steps)
    train.adopt(adopted)
    assert {path.name for path in adopted.folder.iterdir()} == {f"{s}.state" for s in stages.STEPS}
    for stored in ("latents_square.pt", "drafts_square.pt"):
        shutil.copy(trained.folder / stored, adopted.folder)
    stages.train_everything(replace(adopted, steps={**trained.steps, "denoiser": 3}))
    assert trained_weights(adopted.folder, "denoiser").keys() > {"sketch", "questions"}
    steps = json.loads((trained.weights / "training.json").read_text())["steps"]
    assert steps == {**trained.steps, "denoiser": 3}, "what is adopted can be trained further"
