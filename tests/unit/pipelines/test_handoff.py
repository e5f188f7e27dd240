"""Parcels survive their bytes, and nothing that is no parcel becomes one."""

import json

import pytest
import torch

from pipelines.handoff import Parcel, ParcelError, unpack


def parcel() -> Parcel:
    tensors = {
        "latents": torch.randn(2, 3),
        "embeds": torch.randn(4).to(torch.bfloat16),
        "mask": torch.ones(3, dtype=torch.int64),
        "scalar": torch.tensor(1.5, dtype=torch.float64),
        "nothing": torch.empty(0, 4),
    }
    values = {
        "dtype": torch.bfloat16,
        "batch_size": 1,
        "scale": 0.1,
        "none": None,
        "list": [1, "a"],
    }
    return Parcel("conditioning", tensors, values)


def assert_same(one: Parcel, other: Parcel) -> None:
    assert (one.kind, one.values) == (other.kind, other.values)
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert tensor.dtype == other.tensors[name].dtype
        assert torch.equal(tensor, other.tensors[name])


def through(given: Parcel) -> Parcel:
    return unpack(given.pack(), given.kind)


def test_a_parcel_survives_its_bytes() -> None:
    given = parcel()
    assert_same(through(given), given)


def test_floats_survive_exactly() -> None:
    third = 1 / 3
    assert through(Parcel("latents", {}, {"x": third})).values["x"] == third


def test_tensors_that_share_memory_are_packed_apart() -> None:
    whole = torch.arange(6.0)
    given = Parcel(
        "checkpoint",
        {"whole": whole, "again": whole, "part": whole[2:4], "turned": whole.view(2, 3).T},
    )
    assert_same(through(given), given)
    assert len(given.pack()) < 1_000


def test_a_tensor_comes_back_in_the_order_it_had_in_memory() -> None:
    """A matrix product in bfloat16 may round differently in another one."""
    given = Parcel(
        "checkpoint",
        {
            "turned": torch.randn(2, 3, 4).permute(2, 0, 1),
            "last": torch.randn(1, 2, 3, 4).to(memory_format=torch.channels_last),
            "gaps": torch.randn(4, 6)[:, ::2].T,
        },
    )
    found = through(given)
    assert_same(found, given)
    for name, tensor in given.tensors.items():
        assert found.tensors[name].stride() == torch.empty_like(tensor).stride()


@pytest.mark.parametrize(
    "orders", [[], {"missing": [0]}, {"x": [0, 0]}, {"x": [1]}, {"x": None}, {"x": [2, 1, 0]}]
)
def test_a_damaged_order_is_refused(orders: object) -> None:
    blob = Parcel("latents", {"x": torch.zeros(2, 3).T}).pack()
    length = int.from_bytes(blob[:8], "little")
    outer = json.loads(blob[8 : 8 + length])
    header = {**json.loads(outer["__metadata__"]["filmgate"]), "orders": orders}
    outer["__metadata__"]["filmgate"] = json.dumps(header)
    changed = json.dumps(outer).encode()
    with pytest.raises(ParcelError, match="order"):
        unpack(len(changed).to_bytes(8, "little") + changed + blob[8 + length :], "latents")


def test_a_part_of_something_large_is_packed_alone() -> None:
    large = torch.zeros(1_000_000)
    assert len(Parcel("latents", {"part": large[:10]}).pack()) < 1_000


def test_another_kind_is_refused() -> None:
    with pytest.raises(ParcelError, match="expected a latents"):
        unpack(parcel().pack(), "latents")


def test_another_format_version_is_refused() -> None:
    blob = parcel().pack().replace(rb"\"format_version\": 1", rb"\"format_version\": 9")
    with pytest.raises(ParcelError, match="of format 9"):
        unpack(blob, "conditioning")


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"short",
        b"\x00" * 64,
        b"\xff" * 64,
        len(b'{"a": 1}').to_bytes(8, "little") + b'{"a": 1}',
        len(b"[]").to_bytes(8, "little") + b"[]",
        b"\x80\x04\x95" + b"." * 40,
    ],
)
def test_other_bytes_are_refused(blob: bytes) -> None:
    with pytest.raises(ParcelError):
        unpack(blob, "latents")


def test_every_cut_off_parcel_is_refused() -> None:
    blob = parcel().pack()
    for length in range(0, len(blob), 7):
        with pytest.raises(ParcelError):
            unpack(blob[:length], "conditioning")


@pytest.mark.parametrize("values", [None, [], {"dtype": {"torch.dtype": "save"}}])
def test_a_header_with_odd_values_is_refused(values: object) -> None:
    header = json.dumps({"kind": "latents", "format_version": 1, "values": values})
    outer = json.dumps({"__metadata__": {"filmgate": header}}).encode()
    with pytest.raises(ParcelError):
        unpack(len(outer).to_bytes(8, "little") + outer, "latents")
