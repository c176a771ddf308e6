"""What a rewrite can answer without writing: the keys at the end, the savings, how two logs differ."""
