// Attention over bfloat16 in tiles: a block's queries meet one tile of keys and values after another and keep a running
// maximum and sum, so that memory stays linear in length. Both products are on tensor cores, sums in float32.
// What decode, prefill and spans share; each file of kernels includes it once. Host side: src/attention/tiles.rs.
// Method: Dao et al., FlashAttention-2, 2023; splits of the keys as in Flash-Decoding.
#include "device.cuh"

struct Attend {
    const bf16* query;     // [rows, heads * head_dim], query_pitch apart
    bf16* keys;            // paged: of the layer, [page, kv_head, token, head_dim]; spans: [rows, heads * head_dim], key_pitch apart
    bf16* values;          // as keys
    bf16* out;             // [rows, heads * head_dim], out_pitch apart
    const u32* sequences;  // paged: [sequences, 4]: first row, rows, context, first page; spans: [sequences + 1] first rows
    const u32* pages;
    float* parts;          // results of splits: values of all, then logarithms of all; unused where splits is 1
    u32* arrived;          // a counter per tile and kv_head, zero
    u32 sequence_count, kv_heads, group, head_dim;  // group: query heads that share a kv_head
    u32 query_pitch, key_pitch, out_pitch, page_shift;
    u32 splits, least_rows, most_rows;  // of a sequence that this launch serves
    float scale;                        // log2(e) / sqrt(head_dim)

    // Decode may be given rows as they come from their products: queries neither normed nor rotated, keys and values
    // not in the cache. Null: they are.
    const bf16* new_keys;  // [rows, kv_heads * head_dim], new_pitch apart
    const bf16* new_values;
    const float* query_norm;  // [head_dim]
    const float* key_norm;    // [head_dim]
    const float* cos;         // [rows, head_dim / 2]
    const float* sin;
    u32 new_pitch;
    float eps;
};

// A tile of queries. The queries of a sequence for one kv_head are counted row after row, the heads of the group
// within a row: all of them meet the same keys.
struct Tile {
    u32 first_row, context, first_page;  // of the sequence
    u32 first, queries;                  // of the tile
    u32 keys;                            // that its last query sees
    bool last;                           // of the sequence
};

template <bool PAGED> DEVICE bool find_tile(const Attend& p, u32 tile, u32 size, Tile& t) {
    for (u32 s = 0; s < p.sequence_count; s++) {
        uint4 sequence = {0, 0, 0, 0};
        if (PAGED) {
            sequence = load16(p.sequences + 4 * s);
        } else {
            sequence.x = p.sequences[s];
            sequence.y = p.sequences[s + 1] - sequence.x;
        }
        u32 rows = sequence.y;
        if (rows < p.least_rows || rows > p.most_rows) continue;
        u32 tiles = (rows * p.group + size - 1) / size;
        if (tile >= tiles) {
            tile -= tiles;
            continue;
        }
        t.first_row = sequence.x;
        t.context = sequence.z;
        t.first_page = sequence.w;
        t.first = tile * size;
        t.queries = min(size, rows * p.group - t.first);
        t.last = tile + 1 == tiles;
        t.keys = PAGED ? t.context + (t.first + t.queries - 1) / p.group + 1 : rows;
        return true;
    }
    return false;
}

// How many keys query i of the tile sees.
template <bool PAGED> DEVICE u32 keys_seen(const Attend& p, const Tile& t, u32 i) {
    return PAGED && i < t.queries ? t.context + (t.first + i) / p.group + 1 : t.keys;
}

// The keys of one split.
struct Range {
    u32 from, until, used;  // used: splits that have keys at all
};

DEVICE Range split_range(u32 keys, u32 splits, u32 split, u32 grain) {
    u32 chunk = ((keys + splits - 1) / splits + grain - 1) / grain * grain;
    return {split * chunk, min(keys, (split + 1) * chunk), (keys + chunk - 1) / chunk};
}

// In shared memory rows lie 16 bytes further apart than they are long: eight of them begin in eight different banks.
template <int D> struct Shape {
    static const int PITCH = D + 8;
    static const int CHUNKS = D / 8;  // of 16 bytes in a row
};

DEVICE u64 query_place(const Attend& p, const Tile& t, u32 kv_head, u32 i, u32 pitch) {
    u32 at = t.first + i, row = at / p.group, member = at % p.group;
    return (u64)(t.first_row + row) * pitch + (kv_head * p.group + member) * p.head_dim;
}

// SIZE queries into shared memory; rows and columns that are not there become zero.
template <int D, int SIZE, int THREADS> DEVICE void copy_queries(bf16* to, const Attend& p, const Tile& t, u32 kv_head) {
#pragma unroll 4
    for (u32 i = threadIdx.x; i < SIZE * Shape<D>::CHUNKS; i += THREADS) {
        u32 row = i / Shape<D>::CHUNKS, column = 8 * (i % Shape<D>::CHUNKS);
        bool valid = row < t.queries && column < p.head_dim;
        u64 from = valid ? query_place(p, t, kv_head, row, p.query_pitch) + column : 0;
        copy_async16(to + row * Shape<D>::PITCH + column, p.query + from, valid);
    }
}

// Where a token of the sequence has its keys in the cache.
DEVICE u64 cache_place(const Attend& p, const Tile& t, u32 kv_head, u32 token) {
    u64 page = p.pages[t.first_page + (token >> p.page_shift)];
    u32 place = token & ((1u << p.page_shift) - 1);
    return (((page * p.kv_heads + kv_head) << p.page_shift) + place) * p.head_dim;
}

// ROWS keys and values from `first` on into shared memory, by THREADS threads; what lies at `until` or beyond becomes zero.
template <int D, int ROWS, int THREADS, bool PAGED>
DEVICE void copy_keys(bf16* keys, bf16* values, const Attend& p, const Tile& t, u32 kv_head, u32 first, u32 until, u32 thread) {
    constexpr int COPIES = ROWS * Shape<D>::CHUNKS, ROUNDS = (COPIES + THREADS - 1) / THREADS;
#pragma unroll
    for (int round = 0; round < ROUNDS; round++) {
        u32 i = thread + round * THREADS;
        if (COPIES % THREADS && i >= COPIES) break;
        u32 row = i / Shape<D>::CHUNKS, column = 8 * (i % Shape<D>::CHUNKS), token = first + row;
        bool valid = token < until && column < p.head_dim;
        u64 from = 0;
        if (valid) {
            if (PAGED)
                from = cache_place(p, t, kv_head, token) + column;
            else
                from = (u64)(t.first_row + token) * p.key_pitch + kv_head * p.head_dim + column;
        }
        u32 at = row * Shape<D>::PITCH + column;
        copy_async16(keys + at, p.keys + from, valid);
        copy_async16(values + at, p.values + from, valid);
    }
}

// What a warp knows of its TALL * 16 queries so far. Lane l has of each 16 the rows l / 4 and l / 4 + 8.
template <int D, int TALL> struct Running {
    float sum[TALL][D / 8][4];
    float most[TALL][2];   // largest score, not yet scaled
    float total[TALL][2];  // of this lane's columns
};

template <int D, int TALL> DEVICE void start(Running<D, TALL>& r) {
#pragma unroll
    for (int m = 0; m < TALL; m++) {
#pragma unroll
        for (int d = 0; d < D / 8; d++)
#pragma unroll
            for (int i = 0; i < 4; i++) r.sum[m][d][i] = 0.0f;
#pragma unroll
        for (int h = 0; h < 2; h++) r.most[m][h] = -INFINITY, r.total[m][h] = 0.0f;
    }
}

// The warp's queries as the tensor cores take them: a column of 16 values.
template <int D, int TALL> DEVICE void load_queries(u32 (&a)[TALL][4], const bf16* queries, int column) {
    const bf16* row = queries + (lane() % 16) * Shape<D>::PITCH + lane() / 16 * 8 + column;
#pragma unroll
    for (int m = 0; m < TALL; m++) load_tiles(a[m], row + m * 16 * Shape<D>::PITCH);
}

// Where a head is narrow, its queries stay in registers; else they are loaded again for every tile of keys.
template <int D, int TALL, bool HELD> struct Queries {
    const bf16* shared;
    u32 held[HELD ? D / 16 : 1][TALL][4];
};

template <int D, int TALL, bool HELD> DEVICE void start(Queries<D, TALL, HELD>& q, const bf16* shared) {
    q.shared = shared;
    if (HELD) {
#pragma unroll
        for (int k = 0; k < D / 16; k++) load_queries<D, TALL>(q.held[HELD ? k : 0], shared, 16 * k);
    }
}

// N keys and values meet the warp's queries. `seen`: how many keys each of the lane's queries sees, looked at only
// where `mask` says that some do not see all.
template <int D, int TALL, int N, bool HELD>
DEVICE void meet(Running<D, TALL>& r, Queries<D, TALL, HELD>& q, const bf16* keys, const bf16* values, u32 first,
                 const u32 (&seen)[TALL][2], bool mask, float scale) {
    constexpr int PITCH = Shape<D>::PITCH;
    float scores[TALL][N / 8][4];
#pragma unroll
    for (int m = 0; m < TALL; m++)
#pragma unroll
        for (int n = 0; n < N / 8; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) scores[m][n][i] = 0.0f;
    const bf16* key_row = keys + (lane() / 16 * 8 + lane() % 8) * PITCH + lane() / 8 % 2 * 8;
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
        u32(&a)[TALL][4] = q.held[HELD ? k : 0];
        if (!HELD) load_queries<D, TALL>(a, q.shared, 16 * k);
#pragma unroll
        for (int n = 0; n < N / 16; n++) {
            u32 b[4];
            load_tiles(b, key_row + n * 16 * PITCH + 16 * k);
#pragma unroll
            for (int m = 0; m < TALL; m++) {
                multiply_tiles(scores[m][2 * n], a[m], b[0], b[1]);
                multiply_tiles(scores[m][2 * n + 1], a[m], b[2], b[3]);
            }
        }
    }
    if (mask) {
#pragma unroll
        for (int m = 0; m < TALL; m++)
#pragma unroll
            for (int n = 0; n < N / 8; n++)
#pragma unroll
                for (int i = 0; i < 4; i++)
                    if (first + 8 * n + lane() % 4 * 2 + i % 2 >= seen[m][i / 2]) scores[m][n][i] = -INFINITY;
    }
    bool grew = false;
    float base[TALL][2], shrink[TALL][2];
#pragma unroll
    for (int m = 0; m < TALL; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            float most = r.most[m][h];
#pragma unroll
            for (int n = 0; n < N / 8; n++) most = fmaxf(most, fmaxf(scores[m][n][2 * h], scores[m][n][2 * h + 1]));
            most = fmaxf(most, shfl_xor(most, 1));
            most = fmaxf(most, shfl_xor(most, 2));
            // A query that has seen nothing yet: every weight is 2^-infinity.
            base[m][h] = most == -INFINITY ? 0.0f : most * scale;
            // Exactly 1 where nothing grew. The difference alone would not give that: it is rounded once together with its
            // product, while `base` was rounded before; totals would drift away from sums.
            bool same = most == r.most[m][h];
            shrink[m][h] = exp2_fast(same ? 0.0f : r.most[m][h] * scale - base[m][h]);
            grew |= !same;
            r.most[m][h] = most;
            r.total[m][h] *= shrink[m][h];
        }
    // Largest scores are mostly met early.
    if (ballot(grew)) {
#pragma unroll
        for (int m = 0; m < TALL; m++)
#pragma unroll
            for (int d = 0; d < D / 8; d++)
#pragma unroll
                for (int i = 0; i < 4; i++) r.sum[m][d][i] *= shrink[m][i / 2];
    }
    const bf16* value_row = values + (lane() % 16) * PITCH + lane() / 16 * 8;
#pragma unroll
    for (int n = 0; n < N / 16; n++) {
        u32 a[TALL][4];
#pragma unroll
        for (int m = 0; m < TALL; m++)
#pragma unroll
            for (int j = 0; j < 4; j++) {
                // j: rows g, rows g + 8 of the first eight keys, then of the other eight
                float low = exp2_fast(scores[m][2 * n + j / 2][2 * (j % 2)] * scale - base[m][j % 2]);
                float high = exp2_fast(scores[m][2 * n + j / 2][2 * (j % 2) + 1] * scale - base[m][j % 2]);
                r.total[m][j % 2] += low + high;
                a[m][j] = pack_bf16(low, high);
            }
#pragma unroll
        for (int d = 0; d < D / 16; d++) {
            u32 b[4];
            load_tiles_transposed(b, value_row + n * 16 * PITCH + d * 16);
#pragma unroll
            for (int m = 0; m < TALL; m++) {
                multiply_tiles(r.sum[m][2 * d], a[m], b[0], b[1]);
                multiply_tiles(r.sum[m][2 * d + 1], a[m], b[2], b[3]);
            }
        }
    }
}

// The sums become results; returns through `logs` the logarithm (base 2) of each result's weight.
template <int D, int TALL> DEVICE void finish(Running<D, TALL>& r, float (&logs)[TALL][2], float scale) {
#pragma unroll
    for (int m = 0; m < TALL; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            float total = r.total[m][h];
            total += shfl_xor(total, 1);
            total += shfl_xor(total, 2);
            logs[m][h] = total > 0.0f ? r.most[m][h] * scale + log2f(total) : -INFINITY;
            float inverse = total > 0.0f ? 1.0f / total : 0.0f;
#pragma unroll
            for (int d = 0; d < D / 8; d++) r.sum[m][d][2 * h] *= inverse, r.sum[m][d][2 * h + 1] *= inverse;
        }
}

// Results of the same queries, each from some of the keys.
struct Results {
    const float* values;  // [count][queries][columns]: stride from one to the next, pitch from row to row
    const float* logs;    // [count][queries]: log_stride
    u32 count, pitch;
    u64 stride, log_stride;
};

// Makes them one: in every column the mean by their weights. All threads of the block; `weights`: shared memory for
// queries * count floats. `done_log(row, log)` and `done(row, column, four values)` take what comes out.
template <class DoneLog, class Done>
DEVICE void merge(const Results& r, u32 queries, u32 columns, float* weights, DoneLog done_log, Done done) {
    // A warp per row: the logarithms of all parts come at once.
    for (u32 row = warp(); row < queries; row += blockDim.x / 32) {
        float most = -INFINITY, total = 0.0f;
        for (u32 k = lane(); k < r.count; k += 32) most = fmaxf(most, r.logs[k * r.log_stride + row]);
        most = warp_max(most);
        float base = most == -INFINITY ? 0.0f : most;
        for (u32 k = lane(); k < r.count; k += 32) {
            float weight = exp2_fast(r.logs[k * r.log_stride + row] - base);
            weights[row * r.count + k] = weight;
            total += weight;
        }
        total = warp_sum(total);
        float inverse = total > 0.0f ? 1.0f / total : 0.0f;
        for (u32 k = lane(); k < r.count; k += 32) weights[row * r.count + k] *= inverse;
        if (lane() == 0) done_log(row, total > 0.0f ? base + log2f(total) : -INFINITY);
    }
    sync_block();
    u32 quads = columns / 4;
    for (u32 i = threadIdx.x; i < queries * quads; i += blockDim.x) {
        u32 row = i / quads, column = 4 * (i % quads);
        const float* from = r.values + (u64)row * r.pitch + column;
        float sum[4] = {0, 0, 0, 0};
#pragma unroll 8
        for (u32 k = 0; k < r.count; k++) {
            uint4 four = load16(from + k * r.stride);
            float weight = weights[row * r.count + k];
            sum[0] += weight * float_of_bits(four.x), sum[1] += weight * float_of_bits(four.y);
            sum[2] += weight * float_of_bits(four.z), sum[3] += weight * float_of_bits(four.w);
        }
        done(row, column, sum);
    }
}

// Where a split leaves its results, and where the last one to arrive finds them all.
struct Slot {
    float *values, *logs;  // [size][head_dim], [size]
};

DEVICE Slot split_slot(const Attend& p, u32 tile, u32 kv_head, u32 split, u32 size) {
    u64 slot = ((u64)tile * p.kv_heads + kv_head) * p.splits + split;
    u64 all = (u64)gridDim.x * p.kv_heads * p.splits;
    return {p.parts + slot * size * p.head_dim, p.parts + all * size * p.head_dim + slot * size};
}

// True in the block that comes last of those that share the counter, in all its threads; it sees what the others wrote.
DEVICE bool last_to_arrive(u32* counter, u32 blocks) {
    SHARED u32 last;
    fence_device();
    sync_block();
    if (threadIdx.x == 0) {
        last = count_up(counter, 1) == blocks - 1;
        if (last) *counter = 0;
        fence_device();
    }
    sync_block();
    return last;
}

// All splits of a tile are there: the last one makes them one. `weights`: shared memory for size * splits floats.
DEVICE void merge_splits(const Attend& p, const Tile& t, u32 tile, u32 kv_head, u32 used, u32 size, float* weights) {
    if (!last_to_arrive(p.arrived + tile * p.kv_heads + kv_head, used)) return;
    Slot first = split_slot(p, tile, kv_head, 0, size);
    Results parts = {first.values, first.logs, used, p.head_dim, (u64)size * p.head_dim, size};
    merge(
        parts, t.queries, p.head_dim, weights, [](u32, float) {},
        [&](u32 row, u32 column, const float(&sum)[4]) {
            u32* to = (u32*)(p.out + query_place(p, t, kv_head, row, p.out_pitch) + column);
            to[0] = pack_bf16(sum[0], sum[1]);
            to[1] = pack_bf16(sum[2], sum[3]);
        });
}
