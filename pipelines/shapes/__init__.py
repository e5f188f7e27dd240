"""What a model's arithmetic depends on, read from its checkpoint's small JSON files."""
