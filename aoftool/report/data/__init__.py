"""How tables look: what an export wrote, and the answers of queries."""
