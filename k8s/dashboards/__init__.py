"""Dashboards: each board is a file that says what it shows and what good looks like."""
