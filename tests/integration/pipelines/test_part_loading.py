"""A rank reads its part of the weights alone: the right part and dtype, in little memory."""

import json
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from pipelines.checkpoint import IncompleteCheckpoint
from pipelines.parallel.loading import load_part
from pipelines.parallel.way import Way

KINDS = ["ltx2-gated", "wan-2.1-i2v", "hunyuan-1.5-t2v"]
WEIGHTS = "diffusion_pytorch_model.safetensors"
MARGIN = 1.25


def load(folder: Path, way: Way, dtype: torch.dtype = torch.float32) -> nn.Module:
    config = json.loads((folder / "config.json").read_text())
    return load_part(folder, config, dtype=dtype, device="cpu", way=way)


def whole(folder: Path, dtype: torch.dtype) -> nn.Module:
    config = json.loads((folder / "config.json").read_text())
    model: nn.Module = getattr(diffusers, config["_class_name"]).from_pretrained(
        folder, torch_dtype=dtype
    )
    return model


def put_together(parts: list[nn.Module]) -> dict[str, torch.Tensor]:
    """The parameters that the ranks' parts are parts of."""
    found = {}
    for path, module in parts[0].named_modules():
        for leaf, _ in module.named_parameters(recurse=False):
            name = f"{path}.{leaf}".lstrip(".")
            pieces = [part.get_parameter(name) for part in parts]
            dimension = getattr(module, "divided", {}).get(leaf)
            found[name] = pieces[0] if dimension is None else torch.cat(pieces, dimension)
    return found


@pytest.fixture(params=KINDS)
def folder(request: pytest.FixtureRequest, folder_of: Callable[[str], Path]) -> Path:
    return folder_of(request.param) / "transformer"


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_parts_make_up_the_whole(folder: Path, size: int, dtype: torch.dtype) -> None:
    """Values, dtypes (some layers stay in float32) and the tables that no file holds."""
    expected = whole(folder, dtype)
    parts = [load(folder, Way(size=size, index=index), dtype) for index in range(size)]
    together, wanted = put_together(parts), dict(expected.named_parameters())
    assert together.keys() == wanted.keys()
    for name, parameter in wanted.items():
        assert together[name].dtype == parameter.dtype, name
        assert torch.equal(together[name], parameter), name
    for name, buffer in expected.named_buffers():
        assert torch.equal(parts[-1].get_buffer(name), buffer), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_in_half_precision_are_cast(
    folder: Path, dtype: torch.dtype, tmp_path: Path
) -> None:
    whole(folder, torch.float32).half().save_pretrained(tmp_path)
    parts = [load(tmp_path, Way(size=2, index=index), dtype) for index in range(2)]
    expected = dict(whole(tmp_path, dtype).named_parameters())
    for name, parameter in put_together(parts).items():
        assert parameter.dtype == expected[name].dtype, name
        assert torch.equal(parameter, expected[name]), name


def test_weights_in_several_files_are_found(folder: Path, tmp_path: Path) -> None:
    model = whole(folder, torch.float32)
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    parts = [load(tmp_path, Way(size=2, index=index)) for index in range(2)]
    for name, parameter in put_together(parts).items():
        assert torch.equal(parameter, model.get_parameter(name)), name


class LiveBytes(TorchDispatchMode):
    """The most bytes that tensors held at once; files mapped into memory and outlines hold none."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.most = 0, 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.device.type != "meta":
            self._note(result.untyped_storage())
        return result

    def _note(self, storage: torch.UntypedStorage) -> None:
        address, size = storage.data_ptr(), storage.nbytes()
        if storage.filename is not None or address in self._known or not size:
            return
        self._known.add(address)
        self.now += size
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._forget, address, size)

    def _forget(self, address: int, size: int) -> None:
        self._known.discard(address)
        self.now -= size


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loading_takes_little_more_than_the_part(
    dtype: torch.dtype, size: int, tmp_path: Path
) -> None:
    """On a model large enough that its layers are small against it, as real ones are."""
    large_wan().save_pretrained(tmp_path)
    with LiveBytes() as live:
        part = load(tmp_path, Way(size=size, index=size - 1), dtype)
    kept = [*part.parameters(), *part.buffers()]
    held = sum(tensor.untyped_storage().nbytes() for tensor in kept)
    assert held == sum(tensor.nbytes for tensor in kept), "a part keeps more than itself alive"
    assert held <= live.most <= MARGIN * held
    assert held < (tmp_path / WEIGHTS).stat().st_size * (1 / size + 0.1)


def large_wan() -> nn.Module:
    return diffusers.WanTransformer3DModel(
        num_attention_heads=4,
        attention_head_dim=24,
        text_dim=32,
        freq_dim=16,
        ffn_dim=384,
        num_layers=24,
        rope_max_seq_len=64,
    )


def test_a_missing_tensor_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    weights = load_file(folder / WEIGHTS)
    weights.pop("proj_out.bias")
    save_file(weights, tmp_path / WEIGHTS)
    with pytest.raises(IncompleteCheckpoint, match=r"lacks 1 tensors, proj_out\.bias among them"):
        load(tmp_path, Way(size=2))


def test_a_tensor_of_another_shape_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    weights = load_file(folder / WEIGHTS)
    weights["proj_out.bias"] = torch.zeros(3)
    save_file(weights, tmp_path / WEIGHTS)
    with pytest.raises(IncompleteCheckpoint, match=r"proj_out\.bias has the shape \[3\]; \["):
        load(tmp_path, Way(size=2))


def test_weights_that_are_not_safetensors_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(IncompleteCheckpoint, match="only safetensors can be read in parts"):
        load(tmp_path, Way(size=2))
