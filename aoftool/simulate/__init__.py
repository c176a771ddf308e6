"""What a server's rewrites would do under other settings: computed from a log, or from INFO alone."""
