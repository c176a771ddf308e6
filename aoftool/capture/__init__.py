"""Collect what `advise` reads from a running server, read-only; begin with `collecting`."""
