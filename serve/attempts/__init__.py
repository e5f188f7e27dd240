"""A job on its way over the stages: attempts, the gangs they hold, and what becomes of them."""
