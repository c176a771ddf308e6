"""What the disk below a directory does to an append-only file; begin with `probing`."""
