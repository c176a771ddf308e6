"""From what is wrong to what to do: each module plans one kind of repair and writes nothing."""
