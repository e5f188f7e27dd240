"""For each alert its case, in the order of the rules."""

from tests.integration.monitoring.demand_cases import DEMAND
from tests.integration.monitoring.machine_cases import MACHINES
from tests.integration.monitoring.service_cases import SERVICE

CASES = (*DEMAND, *MACHINES, *SERVICE)
