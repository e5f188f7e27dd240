"""One clip on several devices: gang shapes, ranks and their groups, and how a model is divided."""
