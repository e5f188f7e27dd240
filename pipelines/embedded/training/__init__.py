"""Training of the embedded model, one file a stage."""
