// Attention over bfloat16, as simply as can be: what the tiled kernels will replace. Host side: src/attention.rs.
#include "device.cuh"

struct Attend {
    const bf16* query;     // [rows, heads * head_dim], query_pitch apart
    const bf16* keys;      // cached: of the layer; spans: [rows, heads * head_dim], key_pitch apart
    const bf16* values;
    bf16* out;             // [rows, heads * head_dim], out_pitch apart
    const u32* sequences;  // cached: [sequences, 4]: first row, rows, context, first page; spans: [spans + 1]
    const u32* pages;
    u32 rows, heads, kv_heads, head_dim;
    u32 query_pitch, key_pitch, value_pitch, out_pitch;
    u32 page_tokens, spans;
    float scale;
    u32 unused;
};

DEVICE void attend(const Attend& p, bool paged) {
    u32 at = blockIdx.x * (blockDim.x / 32) + warp();
    if (at >= p.rows * p.heads) return;
    u32 row = at / p.heads, head = at % p.heads, kv_head = head / (p.heads / p.kv_heads), s = 0;
    u32 from = 0, until;
    if (paged) {
        while (row >= p.sequences[4 * s] + p.sequences[4 * s + 1]) s++;
        until = p.sequences[4 * s + 2] + row - p.sequences[4 * s] + 1;
    } else {
        while (s + 1 < p.spans && p.sequences[s + 1] <= row) s++;
        from = p.sequences[s];
        until = p.sequences[s + 1];
    }
    float query[8], sum[8], most = -INFINITY, total = 0.0f;
    for (int k = 0; k < 8; k++) {
        u32 i = lane() + 32 * k;
        query[k] = i < p.head_dim ? to_float(p.query[(u64)row * p.query_pitch + head * p.head_dim + i]) * p.scale : 0.0f;
        sum[k] = 0.0f;
    }
    for (u32 token = from; token < until; token++) {
        u64 key = (u64)token * p.key_pitch + head * p.head_dim, value = (u64)token * p.value_pitch + head * p.head_dim;
        if (paged) {
            u64 page = p.pages[p.sequences[4 * s + 3] + token / p.page_tokens];
            key = value = ((page * p.kv_heads + kv_head) * p.page_tokens + token % p.page_tokens) * p.head_dim;
        }
        float dot = 0.0f;
        for (int k = 0; k < 8; k++) {
            u32 i = lane() + 32 * k;
            if (i < p.head_dim) dot += query[k] * to_float(p.keys[key + i]);
        }
        dot = warp_sum(dot);
        float larger = fmaxf(most, dot), shrink = expf(most - larger), weight = expf(dot - larger);
        most = larger;
        total = total * shrink + weight;
        for (int k = 0; k < 8; k++) {
            u32 i = lane() + 32 * k;
            if (i < p.head_dim) sum[k] = sum[k] * shrink + weight * to_float(p.values[value + i]);
        }
    }
    for (int k = 0; k < 8; k++) {
        u32 i = lane() + 32 * k;
        if (i < p.head_dim) p.out[(u64)row * p.out_pitch + head * p.head_dim + i] = to_bf16(sum[k] / total);
    }
}

KERNEL(attend_cached_simple, Attend, 128, 1) { attend(p, true); }
KERNEL(attend_spans_simple, Attend, 128, 1) { attend(p, false); }
