"""What is seen of replicas, pools and stores, for metrics and pages; nothing is decided by it."""
