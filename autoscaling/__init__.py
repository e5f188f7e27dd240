"""How much work to let in, in what order, on how many GPUs: numbers in, decisions out; no I/O, no clock."""
