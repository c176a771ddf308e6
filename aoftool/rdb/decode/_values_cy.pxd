"""The compiled value decoder, for the record kernel."""

from libc.stdint cimport uint8_t

cdef object decode_sound(bint valkey, int type_id, const uint8_t* at, const uint8_t* end)
