// Full attention inside spans of rows: the patches of pictures. Heads of 72 values are padded to 80 in shared memory
// only. Host side: src/attention/tiles.rs.
#include "attention_tiles.cuh"

KERNEL(attend_spans_64, Attend, TILE_THREADS, 2) { attend_tiles<64, 2, 64, true, false>(p); }
KERNEL(attend_spans_80, Attend, TILE_THREADS, 2) { attend_tiles<80, 2, 32, false, false>(p); }
KERNEL(attend_spans_128, Attend, TILE_THREADS, 2) { attend_tiles<128, 2, 32, false, false>(p); }
