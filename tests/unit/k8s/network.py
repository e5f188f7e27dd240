"""Who may talk to whom under our NetworkPolicies, as Kubernetes decides it, for what we use.

A connection is let through if the caller may go out with it and the other side may take it.
Whoever no policy selects for a direction may do anything in that direction.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.unit.k8s.assembling import Manifest

Direction = Literal["Ingress", "Egress"]
PEERS: Mapping[Direction, str] = {"Ingress": "from", "Egress": "to"}
OURS = "filmgate"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a connection: a pod with labels in a namespace, or an address outside."""

    labels: dict[str, str] = field(default_factory=dict)
    namespace: dict[str, str] = field(default_factory=lambda: {"kubernetes.io/metadata.name": OURS})
    address: str | None = None

    @property
    def is_ours(self) -> bool:
        return not self.address and self.namespace["kubernetes.io/metadata.name"] == OURS


def lets_through(
    objects: list[Manifest], caller: End, to: End, port: int, *, protocol: str = "TCP"
) -> bool:
    """Whether the caller reaches the other end at a port."""
    policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
    wanted = {"port": port, "protocol": protocol}
    return _allowed(policies, "Egress", caller, to, wanted) and _allowed(
        policies, "Ingress", to, caller, wanted
    )


def _allowed(
    policies: list[dict[str, Any]], way: Direction, own: End, other: End, wanted: dict[str, Any]
) -> bool:
    if not own.is_ours:
        return True
    about = [
        spec
        for spec in policies
        if way in spec["policyTypes"] and _matches(spec["podSelector"], own.labels)
    ]
    rules = [rule for spec in about for rule in spec.get(way.lower(), ())]
    return not about or any(_permits(rule, PEERS[way], other, wanted) for rule in rules)


def _permits(rule: dict[str, Any], peers: str, other: End, wanted: dict[str, Any]) -> bool:
    ports = "ports" not in rule or wanted in rule["ports"]
    return ports and (peers not in rule or any(_is(peer, other) for peer in rule[peers]))


def _is(peer: dict[str, Any], other: End) -> bool:
    if block := peer.get("ipBlock"):
        return other.address is not None and _within(block, other.address)
    if other.address:
        return False
    near = other.is_ours
    if "namespaceSelector" in peer:
        near = _matches(peer["namespaceSelector"], other.namespace)
    return near and _matches(peer.get("podSelector", {}), other.labels)


def _within(block: dict[str, Any], address: str) -> bool:
    one = ipaddress.ip_address(address)
    left_out = any(one in ipaddress.ip_network(net) for net in block.get("except", ()))
    return one in ipaddress.ip_network(block["cidr"]) and not left_out


def _matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return all(_holds(labels, wanted) for wanted in _requirements(selector))


def _requirements(selector: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    yield from selector.get("matchLabels", {}).items()
    for wanted in selector.get("matchExpressions", ()):
        assert wanted["operator"] == "Exists", "the only operator that we use"
        yield wanted["key"], None


def _holds(labels: dict[str, str], wanted: tuple[str, str | None]) -> bool:
    key, value = wanted
    return key in labels and value in (None, labels[key])
