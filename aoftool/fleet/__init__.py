"""Many logs at once: begin at `running` for how they are gone over, at `summary` for what is kept of one."""
