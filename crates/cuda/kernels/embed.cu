// Rows of a weight in spans, as float32. Host side: src/linear/embed.rs.
#include "product.cuh"

struct EmbedSpans {
    Weight table;
    const u32* ids;  // [rows]
    float* out;      // [rows, columns]
    u32 rows, columns, spans, form;
};

// A thread per 8 values.
KERNEL(embed_spans, EmbedSpans, 256, 1) {
    u32 steps = 1 << p.form, pieces = p.spans * steps * 4;
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (u64)p.rows * pieces) return;
    u32 row = i / pieces, piece = i % pieces, step = piece / 4, quarter = piece % 4;
    u64 span = (u64)p.ids[row] * p.spans + step / steps;
    const u8* at = p.table.values + span * 64 + 16 * quarter;
    u32 pairs[4];
    float scale = 1.0f, least = 0.0f;
    if (p.form == BF16) {
        uint4 v = load16(at);
        pairs[0] = v.x, pairs[1] = v.y, pairs[2] = v.z, pairs[3] = v.w;
    } else if (p.form == Q8) {
        uint2 v = load8(at + 8 * (step % 2));
        widen_bytes(pairs, v.x, v.y);
        scale = float_of_half(p.table.scales[span / 2]) * UNIT;
    } else {
        widen_halves(pairs, *(const u32*)(at + 4 * (step % 4)));
        u32 both = p.table.scales[span * 4 + step % 4], units = p.table.units[span / 2];
        scale = (float)(both & 255) * (float_of_half((u16)units) * UNIT);
        least = (float)(both >> 8) * (float_of_half((u16)(units >> 16)) * UNIT);
    }
    float more = p.form == Q4 ? 128.0f : 0.0f;
    for (u32 k = 0; k < 8; k++) {
        u32 column = step * 32 + 8 * quarter + k;
        if (column >= p.columns) break;
        float value = k % 2 ? high_bf16(pairs[k / 2]) : low_bf16(pairs[k / 2]);
        p.out[(u64)row * p.columns + column] = (value - more) * scale - least;
    }
}
