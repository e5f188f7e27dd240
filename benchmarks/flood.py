"""Floods against one Gateway whose gate is shut, measured against a bare Ray Serve route, and one
that reads what was sent.

Of two kinds: a few accounts that ask again and again, whose requests are soon answered unread, and
a crowd of many, each of whose requests is read, priced and decided.
"""

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import median

from benchmarks.flooding.flooded import Flooded, together
from benchmarks.flooding.hammer import hammer
from benchmarks.flooding.paying import Paid, pay
from benchmarks.flooding.scene import CLIP_S
from benchmarks.flooding.stage import FEW, MANY, Stage, staged
from benchmarks.flooding.wish import Wish
from benchmarks.report import Row, publish

ROUNDS = 5
ROUND_S = 4.0
CONNECTIONS = 16
NUM_PAID = 3


def main() -> None:
    load_before = os.getloadavg()[0]
    with staged() as stage:
        bare, reading, few, many = _rounds(stage)
        quiet = _paid(stage)
        beside_few, _ = _paid_beside(stage, stage.few)
        beside_many, crowd = _paid_beside(stage, stage.many)
        crowd.all_read()
    rows = [
        *_rates("bare route", bare),
        *_rates("bare route that reads", reading),
        *_sheds(f"{FEW} keys", few, bare),
        *_sheds(f"{MANY} keys", many.all_read(), bare),
        Row(
            what=f"Gateway / bare that reads, {MANY} keys",
            value=many.beside(reading),
            unit="answers a second",
        ),
        *_clips("alone", quiet, quiet),
        *_clips(f"beside {FEW} keys", beside_few, quiet),
        *_clips(f"beside {MANY} keys", beside_many, quiet),
    ]
    details = {
        "rounds": ROUNDS,
        "round_s": ROUND_S,
        "connections": CONNECTIONS,
        "paid_clips": NUM_PAID,
        "clip_asleep_s": CLIP_S,
        "load_before": round(load_before, 2),
        "measured_at": time.strftime("%Y-%m-%d"),
    }
    publish("flood", rows, details)


def _rounds(stage: Stage) -> tuple[Flooded, Flooded, Flooded, Flooded]:
    """All in turn, so that what else happens on the machine befalls each."""
    few, many = map(stage.wishes, (stage.few, stage.many))
    floods = [*(stage.wishes(stage.few, path) for path in ("/bare", "/bare/reading")), few, many]
    for wishes in floods:
        hammer(stage.port, wishes, seconds=3.0, connections=CONNECTIONS)
    while stage.counted()[1] < FEW:  # until the few are known for what they are
        hammer(stage.port, few, seconds=1.0, connections=CONNECTIONS)
    rounds = [[_round(stage, wishes) for wishes in floods] for _ in range(ROUNDS)]
    bare, reading, of_few, of_many = map(together, zip(*rounds, strict=True))
    return bare, reading, of_few, of_many


def _round(stage: Stage, wishes: Sequence[Wish]) -> Flooded:
    before = stage.counted()
    sample = hammer(stage.port, wishes, seconds=ROUND_S, connections=CONNECTIONS)
    statements, unread = (now - then for now, then in zip(stage.counted(), before, strict=True))
    return Flooded(samples=[sample], statements=statements, unread=unread)


def _paid(stage: Stage) -> list[Paid]:
    """Clips of a paying account; the first opens connections, and does not count."""
    return pay(stage.port, stage.paid_key, count=NUM_PAID + 1)[1:]


def _paid_beside(stage: Stage, keys: Sequence[str]) -> tuple[list[Paid], Flooded]:
    """The same in the midst of a flood with these keys."""
    flood_s = (NUM_PAID + 1) * CLIP_S * 1.5
    _, unread_before = stage.counted()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as flood:
        done = flood.submit(
            hammer, stage.port, stage.wishes(keys), seconds=flood_s, connections=CONNECTIONS
        )
        time.sleep(2.0)
        paid = _paid(stage)
        if done.done():
            raise RuntimeError("the flood ended before the clips")
        samples = [done.result()]
    return paid, Flooded(samples=samples, unread=stage.counted()[1] - unread_before)


def _rates(what: str, flood: Flooded) -> Iterator[Row]:
    note = f"{CONNECTIONS} connections"
    yield Row(what=what, value=flood.rate, unit="answers a second")
    yield Row(what=f"{what}, p99", value=1e3 * flood.p99_s, unit="ms", note=note)


def _sheds(who: str, flood: Flooded, bare: Flooded) -> Iterator[Row]:
    yield from _rates(f"Gateway, {who}", flood)
    yield Row(what=f"Gateway / bare, {who}", value=flood.beside(bare), unit="answers a second")
    yield Row(what=f"SQL statements a shed, {who}", value=flood.statements_a_shed, unit="")
    yield Row(what=f"answered unread, {who}", value=flood.unread_part, unit="of all")


def _clips(where: str, paid: Sequence[Paid], quiet: Sequence[Paid]) -> Iterator[Row]:
    finished_s, quiet_s = (median(each.finished_s for each in of) for of in (paid, quiet))
    post_ms = 1e3 * median(each.answered_s for each in paid)
    slept = f"{CLIP_S:g} s of it asleep"
    yield Row(what=f"accepted POST {where}", value=post_ms, unit="ms")
    yield Row(what=f"accepted clip {where}", value=finished_s, unit="s", note=slept)
    if paid is not quiet:
        yield Row(what=f"accepted clip {where} / alone", value=finished_s / quiet_s, unit="")


if __name__ == "__main__":
    main()
