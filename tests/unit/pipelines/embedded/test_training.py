"""Every stage trains, resumes and ends in a checkpoint that diffusers loads unmodified."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pipelines.embedded import train
from pipelines.embedded.checkpoint import CLASSES, load_pipeline
from pipelines.embedded.generate import generate
from pipelines.embedded.scene import Frame
from pipelines.embedded.training import stages, video_vae
from pipelines.embedded.training.chart import draw_chart
from pipelines.embedded.training.muon import Muon, orthogonalise, split_parameters
from pipelines.embedded.training.run import Run, learning_rate_factor
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
    first, _ = video_vae.batch_for(500, 1000, seed=1)
    again, cover = video_vae.batch_for(500, 1000, seed=1)
    assert torch.equal(first, again)
    assert first.shape == (4, 3, 9, 96, 96)
    assert cover.shape == (4, 1, 9, 96, 96)
    assert video_vae.batch_for(0, 1000, seed=1)[0].shape == (24, 3, 1, 96, 96)
    assert video_vae.batch_for(996, 1000, seed=1)[0].shape == (4, 3, 17, 96, 96)


def test_the_spectrogram_has_one_frame_a_hop_and_the_right_bin() -> None:
    time = torch.arange(16_000) / 16_000
    mel = log_mel(torch.sin(2 * np.pi * 1600 * time)[None, None])
    assert mel.shape == (1, 1, 100, 64)
    low = log_mel(torch.sin(2 * np.pi * 400 * time)[None, None])
    assert mel[0, 0, 50].argmax() > low[0, 0, 50].argmax()


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A plan whose stages have all been trained for a step or two on a handful of clips."""
    measured = video_vae.held_out_psnr
    monkeypatch.setattr(video_vae, "held_out_psnr", lambda vae, _, device: measured(vae, 1, device))
    plan = Plan(
        folder=tmp_path / "runs",
        weights=tmp_path / "weights",
        device=torch.device("cpu"),
        steps={"video_vae": 1, "audio_vae": 2, "vocoder": 2, "denoiser": 2, "video_decoder": 1},
        clips=12,
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
