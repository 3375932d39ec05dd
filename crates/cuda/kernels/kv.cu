// Queries, keys and values of a step's rows on their way to attention, and into the cache of bfloat16:
// [page, kv_head, token, head_dim]. Host side: src/attention/prepare.rs.
#include "kv.cuh"

static const int THREADS = 128;

// Where a token of a slot has its values.
DEVICE u64 cache_place(u32 slot, u32 kv_head, u32 kv_heads, u32 head_dim, u32 page_tokens) {
    u64 page = slot / page_tokens, token = slot % page_tokens;
    return ((page * kv_heads + kv_head) * page_tokens + token) * head_dim;
}

struct KvWrite {
    const float* key;    // [rows, kv_heads * head_dim]
    const float* value;
    const u32* slots;    // [rows]
    bf16* keys;          // of the layer
    bf16* values;
    u32 rows, kv_heads, head_dim, page_tokens;
};

// A thread per two values.
KERNEL(kv_write, KvWrite, THREADS, 1) {
    u32 width = p.kv_heads * p.head_dim;
    u64 i = 2 * ((u64)blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= (u64)p.rows * width) return;
    u32 row = i / width, column = i % width;
    u64 to = cache_place(p.slots[row], column / p.head_dim, p.kv_heads, p.head_dim, p.page_tokens) + column % p.head_dim;
    *(u32*)(p.keys + to) = pack_bf16(p.key[i], p.key[i + 1]);
    *(u32*)(p.values + to) = pack_bf16(p.value[i], p.value[i + 1]);
}

struct Prepare {
    bf16* query;              // [rows, heads * head_dim], query_pitch apart; left normed and rotated
    const bf16* key;          // [rows, kv_heads * head_dim], key_pitch apart
    const bf16* value;        // [rows, kv_heads * head_dim], value_pitch apart
    const float* query_norm;  // [head_dim]
    const float* key_norm;    // [head_dim]
    const float* cos;         // [rows, head_dim / 2]
    const float* sin;
    const u32* slots;         // [rows]
    bf16* keys;               // of the layer
    bf16* values;
    u32 rows, heads, kv_heads, head_dim;
    u32 query_pitch, key_pitch, value_pitch, page_tokens;
    float eps;
    u32 unused;
};

// A warp per row and head: first the query heads, then the key heads, then the value heads.
KERNEL(kv_prepare, Prepare, THREADS, 1) {
    u32 parts = p.heads + 2 * p.kv_heads;
    u32 at = blockIdx.x * (blockDim.x / 32) + warp();
    if (at >= p.rows * parts) return;
    u32 row = at / parts, part = at % parts, half = p.head_dim / 2;
    const float *cos = p.cos + (u64)row * half, *sin = p.sin + (u64)row * half;
    if (part < p.heads) {
        bf16* query = p.query + (u64)row * p.query_pitch + part * p.head_dim;
        norm_and_rotate(query, query, p.query_norm, cos, sin, half, p.eps);
        return;
    }
    bool is_key = part < p.heads + p.kv_heads;
    u32 kv_head = (part - p.heads) % p.kv_heads;
    u64 to = cache_place(p.slots[row], kv_head, p.kv_heads, p.head_dim, p.page_tokens);
    if (is_key) {
        const bf16* key = p.key + (u64)row * p.key_pitch + kv_head * p.head_dim;
        norm_and_rotate(key, p.keys + to, p.key_norm, cos, sin, half, p.eps);
    } else {
        const bf16* value = p.value + (u64)row * p.value_pitch + kv_head * p.head_dim;
        u32 i = 8 * lane();
        if (i < p.head_dim) store16(p.values + to + i, load16(value + i));
    }
}

struct RotateHalf {
    bf16* query;        // [rows, heads * 2 * half], pitch apart
    bf16* key;          // likewise
    const float* cos;   // [rows, half]
    const float* sin;
    u32 rows, heads, half, pitch;
};

// A thread per two neighbouring pairs (i, i + half); queries in the first row of blocks, keys in the second.
KERNEL(rotate_half, RotateHalf, THREADS, 1) {
    u32 pairs = p.half / 2;
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (u64)p.rows * p.heads * pairs) return;
    u32 row = i / (p.heads * pairs), head = i / pairs % p.heads, at = 2 * (i % pairs);
    u32* low = (u32*)((blockIdx.y ? p.key : p.query) + (u64)row * p.pitch + head * 2 * p.half + at);
    u32* high = low + pairs;
    float2 c = *(const float2*)(p.cos + (u64)row * p.half + at), s = *(const float2*)(p.sin + (u64)row * p.half + at);
    float a0 = low_bf16(*low), a1 = high_bf16(*low), b0 = low_bf16(*high), b1 = high_bf16(*high);
    *low = pack_bf16(a0 * c.x - b0 * s.x, a1 * c.y - b1 * s.y);
    *high = pack_bf16(b0 * c.x + a0 * s.x, b1 * c.y + a1 * s.y);
}

struct Widen {
    const bf16* from;  // [rows, columns], pitch apart
    float* to;         // [rows, columns]
    u32 rows, columns, pitch, unused;
};

KERNEL(widen, Widen, THREADS, 1) {
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (u64)p.rows * p.columns) return;
    p.to[i] = to_float(p.from[i / p.columns * p.pitch + i % p.columns]);
}
