"""Replicas and GPUs as they are told of, each GPU once."""

from dataclasses import replace
from typing import Any

from serve.messages import Holding, LeaseReport, StageReport, Vitals
from serve.telemetry.gpu_reading import GpuReading
from serve.watching.seen import StageReplicas, seen_gpus, seen_replicas


def vitals(*gpus: str, node: str = "host", ready_at: float = 1.0) -> Vitals:
    readings = tuple(GpuReading(gpu=gpu, name="H100", driver="570") for gpu in gpus)
    return Vitals(node=node, ready_at=ready_at, load_s=2.0, gpus=readings)


def gang(name: str, told: Vitals | None, *, busy: bool = False) -> LeaseReport:
    holding = Holding(job_id="j", epoch=1, attempt=1, step=3) if busy else None
    return LeaseReport(
        replica=name, pid=1, model="m", shape="tp2", devices=2, holding=holding, vitals=told
    )


def stage(name: str, told: Vitals, **fields: Any) -> StageReport:
    report = StageReport(replica=name, pid=2, model="m", stage="decode", at_work=0, vitals=told)
    return replace(report, **fields)


def test_a_gang_reads_the_gpus_of_all_its_ranks() -> None:
    replicas = seen_replicas([gang("g", vitals("0", "1"), busy=True)], [])
    first, second = seen_gpus(replicas)
    assert [(gpu.node, gpu.reading.gpu, gpu.phase) for gpu in (first, second)] == [
        ("host", "0", "denoise"),
        ("host", "1", "denoise"),
    ]
    assert first.replicas == second.replicas == ("g",)
    assert first.gangs == second.gangs == ((gang("g", None).model, gang("g", None).shape),)


def test_a_gpu_that_several_share_is_there_once_with_what_matters_most() -> None:
    encoder = stage("e", vitals("0", ready_at=3.0), stage="encode", at_work=1, model="n")
    decoder = stage("d", vitals("0", ready_at=2.0), at_work=1)
    (gpu,) = seen_gpus(seen_replicas([], [encoder, decoder]))
    assert (gpu.phase, gpu.reader, gpu.replicas) == ("decode", "d", ("d", "e"))
    assert gpu.models == ("m", "n")
    assert gpu.gangs == ()
    (gpu,) = seen_gpus(seen_replicas([], [encoder, replace(decoder, at_work=0)]))
    assert gpu.phase == "encode"


def test_the_same_index_on_another_host_is_another_gpu() -> None:
    here, there = gang("a", vitals("0")), gang("b", vitals("0", node="other"))
    gpus = seen_gpus(seen_replicas([here, there], []))
    assert [(gpu.node, gpu.phase) for gpu in gpus] == [("host", "idle"), ("other", "idle")]


def test_a_gang_of_an_older_version_tells_nothing_of_itself() -> None:
    assert seen_replicas([gang("g", None)], []) == ()


def test_a_stage_that_falls_silent_is_forgotten() -> None:
    stages = StageReplicas(timeout_s=10.0)
    stages.report(stage("d", vitals()), 100.0)
    stages.report(stage("e", vitals()), 105.0)
    stages.report(stage("d", vitals(), at_work=1), 106.0)
    assert {report.replica: report.at_work for report in stages.fresh(110.0)} == {"d": 1, "e": 0}
    assert [report.replica for report in stages.fresh(116.0)] == ["d"]
