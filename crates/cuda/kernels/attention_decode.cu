// Causal grouped-query attention over paged keys and values for sequences of few rows: decode, and guesses that are
// checked. What limits it is reading keys and values: each is read once for all heads of its group, by many blocks
// at once. The warps of a block take turns in tiles of 16 keys, each with copies of its own on their way; each has all
// TALL * 16 queries of the block. The step's own rows may still be as their products gave them: they are normed,
// rotated and stored in the cache on the way, so that no launch of its own does it.
// Host side: src/attention/tiles.rs.
#include "attention.cuh"
#include "kv.cuh"

static const int WARP_KEYS = 16;  // keys of a warp's turn
static const int STAGES = 2;

// The norm and rotation of the block's queries, where they lie in shared memory.
template <int PITCH> DEVICE void prepare_queries(bf16* queries, const Attend& p, const Tile& t) {
    u32 half = p.head_dim / 2;
    for (u32 i = warp(); i < t.queries; i += blockDim.x / 32) {
        u64 angles = (u64)(t.first_row + (t.first + i) / p.group) * half;
        bf16* query = queries + i * PITCH;
        norm_and_rotate(query, query, p.query_norm, p.cos + angles, p.sin + angles, half, p.eps);
    }
}

// Keys and values of new rows from `key` on into a warp's tile, and into the cache: whoever has a sequence's last
// queries sees all of its keys, and each key is in one split.
template <int PITCH>
DEVICE void insert_new(bf16* keys, bf16* values, const Attend& p, const Tile& t, u32 kv_head, u32 key, u32 until) {
    u32 half = p.head_dim / 2, column = 8 * lane();
    for (u32 token = max(key, t.context); token < min(key + WARP_KEYS, until); token++) {
        u32 row = t.first_row + token - t.context;
        u64 from = (u64)row * p.new_pitch + kv_head * p.head_dim, angles = (u64)row * half;
        bf16 *own_key = keys + (token - key) * PITCH, *own_value = values + (token - key) * PITCH;
        norm_and_rotate(p.new_keys + from, own_key, p.key_norm, p.cos + angles, p.sin + angles, half, p.eps);
        sync_warp();
        if (column >= p.head_dim) continue;
        uint4 value = load16(p.new_values + from + column);
        store16(own_value + column, value);
        if (!t.last) continue;
        u64 place = cache_place(p, t, kv_head, token) + column;
        store16(p.keys + place, load16(own_key + column));
        store16(p.values + place, value);
    }
}

// Dynamic shared memory: queries [SIZE, PITCH]; then for every warp STAGES times keys and values [WARP_KEYS, PITCH].
// Later, in place of the latter, results of the warps.
template <int D, int TALL, int WARPS> DEVICE void attend_few(const Attend& p) {
    constexpr int SIZE = TALL * 16, THREADS = WARPS * 32, PITCH = Shape<D>::PITCH, STAGE = 2 * WARP_KEYS * PITCH;
    u32 tile = blockIdx.x, kv_head = blockIdx.y, split = blockIdx.z;
    Tile t;
    if (!find_tile<true>(p, tile, SIZE, t)) return;
    Range range = split_range(t.keys, p.splits, split, WARPS * WARP_KEYS);
    if (split >= range.used) return;

    bf16* queries = (bf16*)dynamic_shared();
    bf16* own_ring = queries + SIZE * PITCH + warp() * STAGES * STAGE;
    u32 first = range.from + warp() * WARP_KEYS;
    u32 cached = p.new_keys ? min(range.until, t.context) : range.until;
    auto fetch = [&](u32 turn) {
        u32 key = first + turn * WARPS * WARP_KEYS;
        bf16* to = own_ring + turn % STAGES * STAGE;
        if (key < range.until)
            copy_keys<D, WARP_KEYS, 32, true>(to, to + WARP_KEYS * PITCH, p, t, kv_head, key, cached, lane());
        copy_async_commit();
    };
    copy_queries<D, SIZE, THREADS>(queries, p, t, kv_head);
#pragma unroll
    for (int turn = 0; turn < STAGES - 1; turn++) fetch(turn);
    u32 seen[TALL][2];
#pragma unroll
    for (int m = 0; m < TALL; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) seen[m][h] = min(range.until, keys_seen<true>(p, t, m * 16 + h * 8 + lane() / 4));
    u32 least = min(range.until, keys_seen<true>(p, t, 0));

    Queries<D, TALL, false> q;
    start(q, queries);
    Running<D, TALL> r;
    start(r);
    // Queries came with the first tile.
    copy_async_wait<STAGES - 2>();
    sync_block();
    if (p.new_keys) {
        prepare_queries<PITCH>(queries, p, t);
        sync_block();
    }
    for (u32 turn = 0, key = first; key < range.until; turn++, key += WARPS * WARP_KEYS) {
        fetch(turn + STAGES - 1);
        copy_async_wait<STAGES - 1>();
        sync_warp();
        bf16* keys = own_ring + turn % STAGES * STAGE;
        if (key + WARP_KEYS > cached && cached < range.until) {
            insert_new<PITCH>(keys, keys + WARP_KEYS * PITCH, p, t, kv_head, key, range.until);
            sync_warp();
        }
        meet<D, TALL, WARP_KEYS>(r, q, keys, keys + WARP_KEYS * PITCH, key, seen, key + WARP_KEYS > least, p.scale);
        // All lanes are done with what the next copies overwrite.
        sync_warp();
    }
    float logs[TALL][2];
    finish(r, logs, p.scale);

    // Every warp's copies have come, and nobody reads the rings any more.
    copy_async_wait<0>();
    sync_block();
    constexpr int ROW = D + 8;
    float* results = (float*)(queries + SIZE * PITCH);
    float* result_logs = results + WARPS * SIZE * ROW;
    float* weights = result_logs + WARPS * SIZE;
#pragma unroll
    for (int m = 0; m < TALL; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            u32 row = warp() * SIZE + m * 16 + h * 8 + lane() / 4;
            if (lane() % 4 == 0) result_logs[row] = logs[m][h];
#pragma unroll
            for (int d = 0; d < D / 8; d++)
                *(float2*)(results + row * ROW + 8 * d + lane() % 4 * 2) = {r.sum[m][d][2 * h], r.sum[m][d][2 * h + 1]};
        }
    sync_block();
    Results warps = {results, result_logs, WARPS, ROW, SIZE * ROW, SIZE};
    if (range.used == 1) {
        merge(
            warps, t.queries, p.head_dim, weights, [](u32, float) {},
            [&](u32 row, u32 column, const float(&sum)[4]) {
                u32* to = (u32*)(p.out + query_place(p, t, kv_head, row, p.out_pitch) + column);
                to[0] = pack_bf16(sum[0], sum[1]);
                to[1] = pack_bf16(sum[2], sum[3]);
            });
        return;
    }
    Slot slot = split_slot(p, tile, kv_head, split, SIZE);
    merge(
        warps, t.queries, p.head_dim, weights, [&](u32 row, float log) { slot.logs[row] = log; },
        [&](u32 row, u32 column, const float(&sum)[4]) {
            uint4 four = {bits_of_float(sum[0]), bits_of_float(sum[1]), bits_of_float(sum[2]), bits_of_float(sum[3])};
            store16(slot.values + row * p.head_dim + column, four);
        });
    merge_splits(p, t, tile, kv_head, range.used, SIZE, (float*)dynamic_shared());
}

// One row of up to 16 heads that share keys, or four rows of four.
KERNEL(attend_decode_64, Attend, 128, 2) { attend_few<64, 1, 4>(p); }
KERNEL(attend_decode_128, Attend, 128, 2) { attend_few<128, 1, 4>(p); }
KERNEL(attend_decode_256, Attend, 64, 2) { attend_few<256, 1, 2>(p); }
// Guesses: twice as many.
KERNEL(attend_guesses_64, Attend, 128, 2) { attend_few<64, 2, 4>(p); }
KERNEL(attend_guesses_128, Attend, 128, 2) { attend_few<128, 2, 4>(p); }
