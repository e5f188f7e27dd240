"""All boards, in the order in which one looks at them."""

from typing import Final

from k8s.dashboards.gate_and_tiers import GATE_AND_TIERS
from k8s.dashboards.gpu_load import GPU_LOAD
from k8s.dashboards.overview import OVERVIEW
from k8s.dashboards.ray_and_nodes import RAY_AND_NODES
from k8s.dashboards.stages import STAGES_AND_AUTOSCALING

BOARDS: Final = (OVERVIEW, GPU_LOAD, GATE_AND_TIERS, STAGES_AND_AUTOSCALING, RAY_AND_NODES)
