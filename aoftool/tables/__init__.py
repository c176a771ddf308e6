"""Tables: their schemas, columns of rows, Arrow made of them, files of them, SQL over them. Knows no log.

Begin with `schema`, which says what the tables hold; `batch` is what fills them hand over.
"""
