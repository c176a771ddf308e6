"""The packed forms of values in one string: listpack, ziplist, zipmap, intset, and LZF around any of them."""
