"""What denoising costs: the parts of `benchmarks/denoise.py`. Neither Ray nor the service."""
