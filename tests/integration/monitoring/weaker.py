"""An alert that asks for less: its cases must tell it from the real one, or they prove little."""

import re
from collections.abc import Iterator
from typing import Any

JOINED = re.compile(r" (and|or|unless) (?:on \([^)]*\) )?")
COMPARED = re.compile(r"(>=|>|==|<) ([\d.]+)")
LEFT_OUT = re.compile(r" != \d+")
DEPTH = 1
"""Conditions stand outside, or in one pair of brackets; deeper is how a number is counted."""


def weaker(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same rule without `for`, without one of its conditions, or with a limit that is lower."""
    if "for" in rule:
        yield {name: value for name, value in rule.items() if name != "for"}
    text = rule["expr"]
    for changed in (*_without_one(text), *_with_lower(text)):
        yield {**rule, "expr": changed}


def _without_one(text: str) -> Iterator[str]:
    for found in JOINED.finditer(text):
        begin, end = _operands(text, found.start(), found.end())
        if text.count("(", 0, found.start()) - text.count(")", 0, found.start()) > DEPTH:
            continue
        yield text[: found.start()] + text[end:]
        if found[1] != "unless":
            yield text[:begin] + text[found.end() :]
    for found in LEFT_OUT.finditer(text):
        yield text[: found.start()] + text[found.end() :]


def _operands(text: str, left: int, right: int) -> tuple[int, int]:
    """Where what is left of an operator begins, and what is right of it ends."""
    return left - _length(text[:left][::-1], ")", "("), right + _length(text[right:], "(", ")")


def _length(text: str, opens: str, closes: str) -> int:
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == opens) - (sign == closes)
        joined = re.match(r" (and|or|unless|dna|ro|sselnu) ", text[at:])
        if depth < 0 or (not depth and joined):
            return at
    return len(text)


def _with_lower(text: str) -> Iterator[str]:
    for found in COMPARED.finditer(text):
        sign, limit = found[1], float(found[2])
        lower = {
            ">=": f">= {limit - 1:g}",
            ">": f"> {limit / 2:g}" if limit else ">= 0",
            "==": ">= 0",
            "<": f"< {2 * limit:g}",
        }[sign]
        yield text[: found.start()] + lower + text[found.end() :]
