"""The table of commands, made of the scanner's columns. Begin with `commands`."""
