"""Values handed over as bytes, by RESTORE and by modules in an RDB part: what servers refuse of them."""
