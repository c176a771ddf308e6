"""One module a verb: its options, one computation, one way to show it."""
