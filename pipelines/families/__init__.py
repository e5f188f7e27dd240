"""One small file a diffusers family: which modular blocks form each stage, and its limits."""
