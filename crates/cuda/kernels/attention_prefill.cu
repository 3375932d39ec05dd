// Causal grouped-query attention over paged keys and values for sequences of many rows: context and new rows alike.
// Sequences that follow each other in a step are served by one launch. Host side: src/attention/tiles.rs.
#include "attention_tiles.cuh"

KERNEL(attend_prefill_64, Attend, TILE_THREADS, 2) { attend_tiles<64, 2, 64, true, true>(p); }
KERNEL(attend_prefill_128, Attend, TILE_THREADS, 2) { attend_tiles<128, 2, 32, false, true>(p); }
KERNEL(attend_prefill_256, Attend, TILE_THREADS, 2) { attend_tiles<256, 1, 16, false, true>(p); }
// Two blocks of it fit where a multiprocessor has 100 KiB of shared memory.
KERNEL(attend_prefill_128_small, Attend, TILE_THREADS, 2) { attend_tiles<128, 1, 32, true, true>(p); }
