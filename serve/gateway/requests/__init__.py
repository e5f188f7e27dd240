"""What is asked for: bodies, forms and pictures become plain values, or a fault in words."""
