"""The whole service with stages that sleep: what schedules, admits and scales is the real thing."""
