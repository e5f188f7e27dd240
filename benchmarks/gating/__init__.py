"""How filmgate's policy is tuned and compared: the parts of `benchmarks/gate.py`."""
