"""Promtool on the committed rules: every alert fires when it must, and not when it must not."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from k8s.alerts.files import RuleFiles
from k8s.alerts.rule import PREFIX
from serve.telemetry import gauges
from serve.telemetry.catalogue import CATALOGUE
from serve.telemetry.catalogue.metric import Metric
from tests.integration.monitoring.case import Case, Samples, told
from tests.integration.monitoring.cases import CASES

MONITORING = Path(__file__).parents[3] / "k8s" / "monitoring"
RULES = MONITORING / "filmgate.rules.yaml"
SEVERITY = {alert.name: alert.severity for alert in RuleFiles().alerts()}
named = pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)


def run(promtool: Path, *words: str | Path, told: bytes = b"") -> None:
    done = subprocess.run(
        [promtool, *words], input=told, capture_output=True, check=False, cwd=MONITORING
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def firing(case: Case) -> str:
    labels = {
        "alertname": PREFIX + case.alert,
        "alertstate": "firing",
        "severity": SEVERITY[case.alert],
        "cluster": "main",
        **case.labels,
    }
    return "ALERTS{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def group(case: Case, samples: Samples, *expected: str) -> dict[str, Any]:
    """A test of promtool: what is firing after these samples."""
    samples = {**told("1x90"), **samples}
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": of} for name, of in samples.items()],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{PREFIX}{case.alert}",alertstate="firing"}}',
                "eval_time": f"{case.at_min}m",
                "exp_samples": [{"labels": labels, "value": 1} for labels in expected],
            }
        ],
    }


@named
def test_an_alert_fires_when_it_must_and_only_then(
    case: Case, promtool: Path, tmp_path: Path
) -> None:
    tests = [group(case, samples, firing(case)) for samples in case.fires]
    tests += [group(case, samples) for samples in case.quiet]
    file = tmp_path / "tests.yaml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "30s", "tests": tests})
    )
    run(promtool, "test", "rules", file)


def test_no_alert_is_without_its_cases() -> None:
    assert list(dict.fromkeys(case.alert for case in CASES)) == list(SEVERITY)


def test_prometheus_takes_rules_and_configuration(promtool: Path) -> None:
    run(promtool, "check", "rules", "--lint-fatal", RULES)
    run(promtool, "check", "config", MONITORING / "prometheus.yaml")


def test_our_metrics_are_named_as_prometheus_wants_it(promtool: Path) -> None:
    """Of Ray's own series it would print thousands of complaints."""
    run(promtool, "check", "metrics", told=exposition(CATALOGUE))


def test_a_metric_with_a_bad_name_is_refused(promtool: Path) -> None:
    bad = Metric(name="filmgate_wait_total", kind="gauge", help="Not a counter.")
    with pytest.raises(AssertionError, match="_total"):
        run(promtool, "check", "metrics", told=exposition((bad,)))


def exposition(metrics: Iterable[Metric]) -> bytes:
    """All of them, each with one series: promtool overlooks what has none."""
    registry = CollectorRegistry()
    for metric in metrics:
        labels = ("x",) * len(metric.labels)
        if metric.kind == "gauge":
            gauges.Levels(metric, registry).show({labels: 1})
        else:
            make = gauges.counter if metric.kind == "counter" else gauges.histogram
            made = make(metric, registry)
            made.labels(*labels) if labels else made
    return generate_latest(registry)
