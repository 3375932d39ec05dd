// The reference's own arithmetic: float32 activations, weights as stored, one simple loop each. What --precision f32
// runs, and what the fast kernels are compared with. Host side: src/plain.rs.
#include "device.cuh"

struct Matmul {
    const float* x;     // [rows, in]
    const void* weight; // [out, in], pitch values apart
    const float* bias;  // [out] or null
    float* out;         // [rows, out]
    u32 rows, in, outputs, pitch;
    u32 half, unused;   // 1: the weight is bfloat16, else float32
};

static const int TILE = 32;

DEVICE float weight_at(const void* weight, u64 at, u32 half) {
    return half ? to_float(((const bf16*)weight)[at]) : ((const float*)weight)[at];
}

// A tile of 32 x 32 outputs per block of 256 threads; each thread has four rows of one column.
KERNEL(matmul_plain, Matmul, 256, 1) {
    SHARED float xs[TILE][TILE + 1], ws[TILE][TILE + 1];
    u32 column = threadIdx.x % TILE, first = threadIdx.x / TILE;
    u32 rows = blockIdx.y * TILE, outputs = blockIdx.x * TILE;
    float sum[4] = {0, 0, 0, 0};
    for (u32 k = 0; k < p.in; k += TILE) {
        for (u32 i = first; i < TILE; i += 8) {
            bool inside = k + column < p.in;
            xs[i][column] = inside && rows + i < p.rows ? p.x[(u64)(rows + i) * p.in + k + column] : 0.0f;
            ws[i][column] = inside && outputs + i < p.outputs
                                ? weight_at(p.weight, (u64)(outputs + i) * p.pitch + k + column, p.half)
                                : 0.0f;
        }
        sync_block();
        for (int i = 0; i < TILE; i++)
            for (int r = 0; r < 4; r++) sum[r] += xs[first + 8 * r][i] * ws[column][i];
        sync_block();
    }
    u32 output = outputs + column;
    if (output >= p.outputs) return;
    for (int r = 0; r < 4; r++) {
        u32 row = rows + first + 8 * r;
        if (row < p.rows) p.out[(u64)row * p.outputs + output] = sum[r] + (p.bias ? p.bias[output] : 0.0f);
    }
}

struct Embed {
    const void* table;  // [vocabulary, columns], pitch values apart
    const u32* ids;     // [rows]
    float* out;         // [rows, columns]
    u32 rows, columns, pitch, half;
};

KERNEL(embed_plain, Embed, 256, 1) {
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (u64)p.rows * p.columns) return;
    p.out[i] = weight_at(p.table, (u64)p.ids[i / p.columns] * p.pitch + i % p.columns, p.half);
}

struct KvWrite {
    const float* key;    // [rows, width]
    const float* value;  // [rows, width]
    const u32* slots;    // [rows]
    float* keys;         // of the layer: [slots, width]
    float* values;
    u32 rows, width;
};

KERNEL(kv_write_plain, KvWrite, 256, 1) {
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (u64)p.rows * p.width) return;
    u64 to = (u64)p.slots[i / p.width] * p.width + i % p.width;
    p.keys[to] = p.key[i];
    p.values[to] = p.value[i];
}

// The running softmax of one query over keys that come one after another; a warp, each lane some of a head's values.
struct Running {
    float most, total, sum[8];
};

DEVICE Running running() { return {-INFINITY, 0.0f, {0, 0, 0, 0, 0, 0, 0, 0}}; }

DEVICE void see(Running& r, const float (&query)[8], const float* key, const float* value, u32 head_dim) {
    float dot = 0.0f;
#pragma unroll
    for (int k = 0; k < 8; k++) {
        u32 i = lane() + 32 * k;
        if (i < head_dim) dot += query[k] * key[i];
    }
    dot = warp_sum(dot);
    float most = fmaxf(r.most, dot), shrink = expf(r.most - most), weight = expf(dot - most);
    r.most = most;
    r.total = r.total * shrink + weight;
#pragma unroll
    for (int k = 0; k < 8; k++) {
        u32 i = lane() + 32 * k;
        if (i < head_dim) r.sum[k] = r.sum[k] * shrink + weight * value[i];
    }
}

struct Attend {
    const float* query;   // [rows, heads * head_dim]
    const float* keys;    // cached: [slots, kv_heads * head_dim] of the layer; spans: [rows, heads * head_dim]
    const float* values;
    float* out;           // [rows, heads * head_dim]
    const u32* rows_of;   // cached: [rows], the sequence of each row
    const u32* sequences; // cached: [sequences, 4]: first row, rows, context, first page in `pages`; spans: [spans + 1]
    const u32* pages;
    u32 rows, heads, kv_heads, head_dim;
    u32 page_tokens, spans;
    float scale;
    u32 unused;
};

DEVICE void load_query(float (&query)[8], const float* from, u32 head_dim, float scale) {
#pragma unroll
    for (int k = 0; k < 8; k++) {
        u32 i = lane() + 32 * k;
        query[k] = i < head_dim ? from[i] * scale : 0.0f;
    }
}

DEVICE void store_result(const Running& r, float* out, u32 head_dim) {
#pragma unroll
    for (int k = 0; k < 8; k++) {
        u32 i = lane() + 32 * k;
        if (i < head_dim) out[i] = r.sum[k] / r.total;
    }
}

// A warp per row and head.
KERNEL(attend_cached_plain, Attend, 128, 1) {
    u32 at = blockIdx.x * (blockDim.x / 32) + warp();
    if (at >= p.rows * p.heads) return;
    u32 row = at / p.heads, head = at % p.heads;
    const u32* sequence = p.sequences + 4 * p.rows_of[row];
    u32 seen = sequence[2] + row - sequence[0] + 1;
    u32 kv_width = p.kv_heads * p.head_dim, kv_head = head / (p.heads / p.kv_heads);
    float query[8];
    load_query(query, p.query + (u64)at * p.head_dim, p.head_dim, p.scale);
    Running r = running();
    for (u32 token = 0; token < seen; token++) {
        u64 slot = (u64)p.pages[sequence[3] + token / p.page_tokens] * p.page_tokens + token % p.page_tokens;
        u64 place = slot * kv_width + kv_head * p.head_dim;
        see(r, query, p.keys + place, p.values + place, p.head_dim);
    }
    store_result(r, p.out + (u64)at * p.head_dim, p.head_dim);
}

// A warp per row and head.
KERNEL(attend_spans_plain, Attend, 128, 1) {
    u32 at = blockIdx.x * (blockDim.x / 32) + warp();
    if (at >= p.rows * p.heads) return;
    u32 row = at / p.heads, head = at % p.heads, width = p.heads * p.head_dim;
    u32 span = 0;
    while (span + 1 < p.spans && p.sequences[span + 1] <= row) span++;
    float query[8];
    load_query(query, p.query + (u64)at * p.head_dim, p.head_dim, p.scale);
    Running r = running();
    for (u32 other = p.sequences[span]; other < p.sequences[span + 1]; other++) {
        u64 place = (u64)other * width + head * p.head_dim;
        see(r, query, p.keys + place, p.values + place, p.head_dim);
    }
    store_result(r, p.out + (u64)at * p.head_dim, p.head_dim);
}
