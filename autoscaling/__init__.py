"""How much work to let in, in what order, on how many GPUs: no I/O, no clock."""
