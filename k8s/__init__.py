"""What runs and watches filmgate in a cluster; dashboards, rules and alerts are made from code."""
