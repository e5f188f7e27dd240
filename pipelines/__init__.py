"""A prompt becomes a clip: tensors and files; no Ray, no HTTP."""
