"""What is said where nobody is asked: in front of a server, in place of its checker, beside it."""
