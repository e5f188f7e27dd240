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
from tests.integration.monitoring.weaker import weaker

MONITORING = Path(__file__).parents[3] / "k8s" / "monitoring"
RULES = MONITORING / "filmgate.rules.yaml"
WRITTEN = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
SEVERITY = {alert.name: alert.severity for alert in RuleFiles().alerts()}
named = pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)


def run(promtool: Path, *words: str | Path, told: bytes = b"") -> None:
    done = subprocess.run(
        [promtool, *words], input=told, capture_output=True, check=False, cwd=MONITORING
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def firing(case: Case, name: str) -> str:
    labels = {
        "alertname": name,
        "alertstate": "firing",
        "severity": SEVERITY[case.alert],
        "cluster": "main",
        **case.labels,
    }
    return "ALERTS{" + ", ".join(f'{key}="{value}"' for key, value in labels.items() if value) + "}"


def group(case: Case, samples: Samples, names: Iterable[str], fires: bool) -> dict[str, Any]:
    """A test of promtool: which alerts are firing after these samples, or never were till then."""
    samples = {**told("1x90"), **samples}
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": of} for name, of in samples.items()],
        "promql_expr_test": [expected(case, name, fires) for name in names],
    }


def expected(case: Case, name: str, fires: bool) -> dict[str, Any]:
    alert = f'ALERTS{{alertname="{name}",alertstate="firing"}}'
    return {
        "expr": alert if fires else f"count_over_time({alert}[{case.at_min}m])",
        "eval_time": f"{case.at_min}m",
        "exp_samples": [{"labels": firing(case, name), "value": 1}] if fires else [],
    }


def written(rules: Path, cases: Iterable[Case], names: Iterable[str]) -> str:
    """The tests of these rules, as promtool reads them."""
    names = list(names)
    tests = [group(case, samples, names, True) for case in cases for samples in case.fires]
    tests += [group(case, samples, names, False) for case in cases for samples in case.quiet]
    return yaml.safe_dump(
        {"rule_files": [str(rules)], "evaluation_interval": "30s", "tests": tests}
    )


@named
def test_an_alert_fires_when_it_must_and_only_then(
    case: Case, promtool: Path, tmp_path: Path
) -> None:
    file = tmp_path / "tests.yaml"
    file.write_text(written(RULES, [case], [PREFIX + case.alert]))
    run(promtool, "test", "rules", file)


@pytest.mark.parametrize("alert", SEVERITY)
def test_an_alert_that_asks_for_less_is_found_out(
    alert: str, promtool: Path, tmp_path: Path
) -> None:
    """Each without its `for`, a condition, or the whole of a limit: cases that pass it are weak."""
    all_rules = [rule for group in WRITTEN for rule in group["rules"]]
    recorded = [rule for rule in all_rules if "record" in rule]
    (rule,) = (rule for rule in all_rules if rule.get("alert") == PREFIX + alert)
    planted = {f"{PREFIX}{alert}{at}": each for at, each in enumerate(weaker(rule))}
    rules, tests = tmp_path / "rules.yaml", tmp_path / "tests.yaml"
    changed = [{**each, "alert": name} for name, each in planted.items()]
    rules.write_text(yaml.safe_dump({"groups": [{"name": "x", "rules": [*recorded, *changed]}]}))
    tests.write_text(written(rules, [case for case in CASES if case.alert == alert], planted))
    with pytest.raises(AssertionError) as caught:
        run(promtool, "test", "rules", tests)
    told = str(caught.value)
    assert {each["expr"] for name, each in planted.items() if f'{name}\\"' not in told} == set()


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
