"""Results with the names and values replaced that must not leave the house."""
