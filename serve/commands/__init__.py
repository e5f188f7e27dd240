"""The commands of `filmgate`, one file each."""
