"""A workload of hours replayed in a second through the objects that decide in production."""
