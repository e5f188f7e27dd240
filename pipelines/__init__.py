"""Turn a prompt into a clip: tensors and files, no Ray, no HTTP."""
