"""Clips, checkpoints and pictures as objects in a local folder or a bucket."""
