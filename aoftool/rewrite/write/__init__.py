"""The files of a rewritten log: as RDB or commands, beside the old ones or in their place."""
