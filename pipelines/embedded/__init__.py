"""The small LTX-2-architecture checkpoint that a fresh install serves."""
