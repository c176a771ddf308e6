"""What each key of a log costs and which commands touch it, before any is replayed."""
