"""The command line: the only room that reads the environment and the arguments."""
