"""How a loaded model is made to run faster, or in less memory: one way a file, from outside."""
