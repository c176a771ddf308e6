"""Reading ahead and writing behind, each by a thread beside the one that works on the bytes."""
