"""Every `filmgate_*` metric: its name, unit, meaning and labels, by subject.

Labels are bounded: models, tiers and shapes come from the settings, nodes and GPUs from the
cluster, everything else from the code. No label is an id of a job, an account, a key or a user, and
none is a prompt. Names end in their unit; `_total` marks what only grows. What is not known is
absent, never zero.
"""

from typing import Final

from serve.telemetry.catalogue import cluster, gate, gpus, jobs
from serve.telemetry.catalogue.metric import Metric

CATALOGUE: Final = tuple(
    row
    for subject in (jobs, gate, cluster, gpus)
    for row in vars(subject).values()
    if isinstance(row, Metric)
)
