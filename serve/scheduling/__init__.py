"""Which job goes next, and what the policy needs to know for it: what the Scheduler is made of."""
