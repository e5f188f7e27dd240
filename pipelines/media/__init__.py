"""Frames and waveforms to files, and pictures in."""
