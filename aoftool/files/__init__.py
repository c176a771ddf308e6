"""To be filled by its modules."""
