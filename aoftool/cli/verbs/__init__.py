"""One module a verb: what was asked, one computation, one answer."""
