"""One module a verb: one computation, and one way to show it."""
