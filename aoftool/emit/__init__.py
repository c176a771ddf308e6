"""Values and functions as the commands that make them."""
