"""The rules, by subject. Each is a row of data with the function that judges it."""
