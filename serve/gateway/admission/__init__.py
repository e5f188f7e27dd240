"""What becomes of a request, decided in memory: prices, limits, the gate, and taking a clip in."""
