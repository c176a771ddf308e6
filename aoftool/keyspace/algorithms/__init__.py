"""What servers compute for a command, bit for bit: hashes, places on the sphere, orders and ranges.

Knows no databases but for the values that a range is cut from.
"""
