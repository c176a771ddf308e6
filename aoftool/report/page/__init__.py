"""The page of a postmortem: one model of sections, charts and tables, shown as HTML, Markdown or JSON.

Begin at `model.py`, then `build.py`, which makes the model of what was gathered; `html.py`, `markdown.py` and
`json_form.py` show it and add nothing, so all three say the same. Templates, style and script
are package data.
"""
