"""What is known of every command: arity, places of keys, who has it, what it does to its keys."""
