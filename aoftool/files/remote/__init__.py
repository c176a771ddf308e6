"""Objects of stores and web servers: `names` tells what is one, `carrier` reads one, `upload` makes one."""
