"""What the replicas of the stages are made of: gangs and ranks, leases, faults, second chances."""
