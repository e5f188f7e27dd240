"""Encode, denoise, decode: each loads only its own components."""
