"""When a command ran: from annotations, stream IDs and expire times, with bounds where it is inferred.

Begin at `model.py`; `whole_log.py` places a whole log on one axis.
"""
