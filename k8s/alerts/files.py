"""All rules as files: for Prometheus itself, and for its operator."""

from dataclasses import dataclass
from typing import Any, Final

import yaml

from k8s.alerts.demand import demand
from k8s.alerts.machines import machines
from k8s.alerts.recordings import recordings
from k8s.alerts.rule import IN_PRODUCTION, RUNBOOKS, Alert, Pace, Rule, Rules
from k8s.alerts.service import service

GROUPS: Final[dict[str, Rules]] = {
    "filmgate-recorded": recordings,
    "filmgate-demand": demand,
    "filmgate-machines": machines,
    "filmgate-service": service,
}
EVERY_S: Final = 30.0
NAME: Final = "filmgate"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFiles:
    """The same rules in both forms; `runbooks` is where the runbooks can be read."""

    pace: Pace = IN_PRODUCTION
    runbooks: str = RUNBOOKS

    def alerts(self) -> tuple[Alert, ...]:
        rules = (rule for of in GROUPS.values() for rule in of(self.pace))
        return tuple(rule for rule in rules if isinstance(rule, Alert))

    def groups(self) -> dict[str, Any]:
        return {
            "groups": [
                {
                    "name": name,
                    "interval": self.pace(EVERY_S),
                    "rules": [self._plain(rule) for rule in of(self.pace)],
                }
                for name, of in GROUPS.items()
            ]
        }

    def manifest(self) -> dict[str, Any]:
        """For Prometheus' operator; kube-prometheus-stack asks for its label `release`."""
        labels = {"app.kubernetes.io/name": NAME, "release": "prometheus"}
        return {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": NAME, "labels": labels},
            "spec": self.groups(),
        }

    def _plain(self, rule: Rule) -> dict[str, Any]:
        if not isinstance(rule, Alert):
            return {"record": rule.name, "expr": rule.expression}
        return {
            "alert": rule.full_name,
            "expr": rule.expression,
            **({"for": self.pace(rule.for_s)} if rule.for_s else {}),
            "labels": {"severity": rule.severity},
            "annotations": {
                "summary": rule.summary,
                "description": rule.description,
                "runbook_url": f"{self.runbooks}#{rule.anchor}",
            },
        }


def as_yaml(value: dict[str, Any]) -> str:
    """Long expressions on one line each: what breaks them would break a diff, too."""
    return yaml.safe_dump(value, sort_keys=False, width=10_000, allow_unicode=True)
