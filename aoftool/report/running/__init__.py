"""How results about servers at work look: settings played, disks probed, servers captured."""
