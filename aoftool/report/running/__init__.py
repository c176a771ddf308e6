"""How results about servers at work look: settings played, disks probed, captures made and judged."""
