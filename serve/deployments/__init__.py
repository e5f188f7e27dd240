"""The classes that Ray Serve runs; plain classes, wrapped only in serve/app.py."""
