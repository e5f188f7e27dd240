"""Queries name what is in the catalogue, with the labels that it has."""

import pytest

from k8s.promql import chosen, mean, quantile, rate, ratio, recorded, series, total
from serve.telemetry.catalogue import cluster, gate, jobs


def test_a_series_says_which_values_its_labels_have() -> None:
    assert series(cluster.UP) == "filmgate_scheduler_up"
    assert series(jobs.ENDED, status="failed") == 'filmgate_jobs_ended_total{status="failed"}'
    assert series(gate.REQUESTS, outcome="!admitted").endswith('{outcome!="admitted"}')
    assert series(gate.REQUESTS, tier="pro|plus").endswith('{tier=~"pro|plus"}')
    assert series(gate.REQUESTS, tier="!pro|plus").endswith('{tier!~"pro|plus"}')


def test_a_label_or_part_that_a_metric_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="filmgate_job_wait_seconds has no label stage; it has"):
        series(jobs.WAIT, "bucket", stage="denoise")
    with pytest.raises(ValueError, match="is a histogram"):
        series(jobs.WAIT)
    with pytest.raises(ValueError, match="is a gauge"):
        series(jobs.WAITING, "count")


def test_the_readers_choice_is_put_in_where_there_is_such_a_label() -> None:
    assert chosen(gate.SATURATION) == (
        'filmgate_saturation_ratio{cluster=~"$cluster",tier=~"$tier"}'
    )
    assert chosen(gate.SATURATION, tier="pro").endswith('{cluster=~"$cluster",tier="pro"}')
    assert recorded("cluster_model:a:b") == 'cluster_model:a:b{cluster=~"$cluster",model=~"$model"}'


def test_rates_come_before_sums() -> None:
    assert total(rate("c", "5m"), "tier") == "sum by (tier) (rate(c[5m]))"
    assert total("g", how="max") == "max(g)"
    assert quantile(0.95, "b", "tier", over="5m") == (
        "histogram_quantile(0.95, sum by (tier, le) (rate(b[5m])))"
    )
    assert ratio("a", "b") == "a / (b > 0)"
    assert mean(jobs.STEP, "model", over="5m").startswith(
        "sum by (model) (rate(filmgate_step_seconds_sum{"
    )
