"""Says from captures why a server was slow, whether its log is safe, and which settings to change."""
