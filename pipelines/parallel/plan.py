"""What a plan says: which layers of a transformer are divided over ranks, and how. Pure data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencePlan:
    """How Ulysses divides the video's tokens. Modules are named by their path in the transformer.

    Inside the named attentions the division changes from tokens to heads and back. All others need
    no talk: each rank's video tokens attend to all keys, which every rank has.
    """

    inputs: Mapping[str, Mapping[str, int]]
    """Module -> arguments of it that are divided -> the number of dimensions that they have then;
    with another number they are the same for all tokens. Tokens are dimension 1."""
    rotary: Callable[[Config], Mapping[str, int]]
    """From `config.json`: modules with two rotary tables -> the tables' dimension of tokens."""
    gathered: tuple[str, ...]
    """Modules whose result is put together again."""
    settled: tuple[str, ...] = ()
    """Modules with a result that every rank computes: the first rank's becomes everyone's."""
    attentions: tuple[str, ...]
    """Attentions with divided keys, by the ending of their path."""
    tokens: Callable[[Config, Sequence[int]], int]
    """From `config.json` and the shape of the argument `hidden_states`: the video's tokens."""
    heads: Callable[[Config], Mapping[str, int]]
    """From `config.json`: how many heads each kind of these attentions has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelPlan:
    """How one class of transformer is divided. Layers are named by the ending of their path."""

    within: tuple[str, ...]
    """The lists of repeated blocks. What lies outside is whole on every rank."""
    columns: tuple[str, ...]
    """Linear layers of which each rank has some outputs."""
    rows: tuple[str, ...]
    """Linear layers of which each rank has some inputs; their results are summed."""
    gathered: tuple[str, ...] = ()
    """Linear layers like `columns` whose outputs are put together again: large modulations."""
    norms: tuple[str, ...] = ()
    """RMS norms over the channels of all heads: their mean of squares is summed over ranks."""
    rotary: tuple[str, ...] = ()
    """Modules, by path, with rotary tables that differ from head to head."""
    widths: Callable[[Config], Mapping[str, int]]
    """From `config.json`: what must be divisible by tp, by the name people know it by."""
    sequence: SequencePlan | str
    """How Ulysses divides it, or why it cannot."""
