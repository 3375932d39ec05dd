// A block of four warps, each with TALL * 16 queries, all over the same tiles of N keys, of which the next is copied while
// one is multiplied. What prefill and spans share. Host side: src/attention/tiles.rs.
#include "attention.cuh"

static const int TILE_THREADS = 128;

// Dynamic shared memory: twice keys [N, PITCH], values [N, PITCH]; and queries [SIZE, PITCH], which lie in the second of
// these where they move on into registers. Results of a tile, at the end, from the beginning on.
template <int D, int TALL, int N, bool HELD, bool PAGED> DEVICE void attend_tiles(const Attend& p) {
    constexpr int WARP_SIZE = TALL * 16, SIZE = TILE_THREADS / 32 * WARP_SIZE, PITCH = Shape<D>::PITCH, STAGE = 2 * N * PITCH;
    // The last queries of a sequence see most: they begin first.
    u32 tile = gridDim.x - 1 - blockIdx.x, kv_head = blockIdx.y, split = blockIdx.z;
    Tile t;
    if (!find_tile<PAGED>(p, tile, SIZE, t)) return;
    Range range = split_range(t.keys, p.splits, split, N);
    if (split >= range.used) return;

    static_assert(!HELD || SIZE * PITCH <= STAGE, "queries must fit where the second tile will lie");
    bf16* ring = (bf16*)dynamic_shared();
    bf16* queries = ring + (HELD ? 1 : 2) * STAGE;
    auto fetch = [&](u32 first, u32 stage) {
        bf16* to = ring + stage * STAGE;
        copy_keys<D, N, TILE_THREADS, PAGED>(to, to + N * PITCH, p, t, kv_head, first, range.until, threadIdx.x);
    };
    copy_queries<D, SIZE, TILE_THREADS>(queries, p, t, kv_head);
    fetch(range.from, 0);
    copy_async_commit();

    u32 own = warp() * WARP_SIZE;
    u32 seen[TALL][2];
#pragma unroll
    for (int m = 0; m < TALL; m++)
#pragma unroll
        for (int h = 0; h < 2; h++)
            seen[m][h] = min(range.until, keys_seen<PAGED>(p, t, own + m * 16 + h * 8 + lane() / 4));
    // Of the warp's first and last query.
    u32 least = min(range.until, keys_seen<PAGED>(p, t, own)), most = 0;
    if (own < t.queries) most = min(range.until, keys_seen<PAGED>(p, t, min(own + WARP_SIZE, t.queries) - 1));

    copy_async_wait<0>();
    sync_block();
    Queries<D, TALL, HELD> q;
    start(q, queries + own * PITCH);
    if (HELD) sync_block();
    Running<D, TALL> r;
    start(r);
    u32 stage = 0;
    for (u32 first = range.from; first < range.until; first += N, stage ^= 1) {
        if (first + N < range.until) fetch(first + N, stage ^ 1);
        copy_async_commit();
        bf16* keys = ring + stage * STAGE;
        if (first < most) meet<D, TALL, N>(r, q, keys, keys + N * PITCH, first, seen, first + N > least, p.scale);
        copy_async_wait<0>();
        // The next tile has come for all, and all are done with this one.
        sync_block();
    }
    float logs[TALL][2];
    finish(r, logs, p.scale);

    if (range.used == 1) {
        // By way of shared memory, which nobody reads any more, whole rows are stored.
        bf16* results = (bf16*)dynamic_shared() + own * PITCH;
#pragma unroll
        for (int m = 0; m < TALL; m++)
#pragma unroll
            for (int h = 0; h < 2; h++) {
                bf16* row = results + (m * 16 + h * 8 + lane() / 4) * PITCH + lane() % 4 * 2;
#pragma unroll
                for (int d = 0; d < D / 8; d++) *(u32*)(row + 8 * d) = pack_bf16(r.sum[m][d][2 * h], r.sum[m][d][2 * h + 1]);
            }
        sync_warp();
        for (u32 i = lane(); i < WARP_SIZE * Shape<D>::CHUNKS; i += 32) {
            u32 row = i / Shape<D>::CHUNKS, column = 8 * (i % Shape<D>::CHUNKS);
            if (own + row < t.queries && column < p.head_dim)
                store16(p.out + query_place(p, t, kv_head, own + row, p.out_pitch) + column, load16(results + row * PITCH + column));
        }
        return;
    }
    Slot slot = split_slot(p, tile, kv_head, split, SIZE);
#pragma unroll
    for (int m = 0; m < TALL; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            u32 row = own + m * 16 + h * 8 + lane() / 4;
            if (row >= t.queries) continue;
            if (lane() % 4 == 0) slot.logs[row] = logs[m][h];
#pragma unroll
            for (int d = 0; d < D / 8; d++) {
                u32 column = 8 * d + lane() % 4 * 2;
                if (column < p.head_dim) *(float2*)(slot.values + row * p.head_dim + column) = {r.sum[m][d][2 * h], r.sum[m][d][2 * h + 1]};
            }
        }
    merge_splits(p, t, tile, kv_head, range.used, SIZE, (float*)dynamic_shared());
}
