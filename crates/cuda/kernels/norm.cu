// Norms in float32, a warp per row. Host side: src/norm.rs.
#include "device.cuh"

static const int THREADS = 128;

struct Norm {
    const float* x;       // [rows, columns]
    const float* weight;  // [columns]
    const float* bias;    // [columns]; null for RMS norm
    float* out;           // [rows, columns]; may be x
    u32 rows, columns;
    float eps;
    u32 unused;
};

#define ROW (blockIdx.x * (blockDim.x / 32) + warp())

KERNEL(rms_norm, Norm, THREADS, 1) {
    u32 row = ROW;
    if (row >= p.rows) return;
    const float* x = p.x + (u64)row * p.columns;
    float* out = p.out + (u64)row * p.columns;
    float squares = 0.0f;
    for (u32 i = lane(); i < p.columns; i += 32) squares += x[i] * x[i];
    float scale = rsqrtf(warp_sum(squares) / p.columns + p.eps);
    for (u32 i = lane(); i < p.columns; i += 32) out[i] = x[i] * scale * p.weight[i];
}

// The mean first, then the squares of what differs from it: no digits are lost where the mean is large.
KERNEL(layer_norm, Norm, THREADS, 1) {
    u32 row = ROW;
    if (row >= p.rows) return;
    const float* x = p.x + (u64)row * p.columns;
    float* out = p.out + (u64)row * p.columns;
    float sum = 0.0f, squares = 0.0f;
    for (u32 i = lane(); i < p.columns; i += 32) sum += x[i];
    float mean = warp_sum(sum) / p.columns;
    for (u32 i = lane(); i < p.columns; i += 32) squares += (x[i] - mean) * (x[i] - mean);
    float scale = rsqrtf(warp_sum(squares) / p.columns + p.eps);
    for (u32 i = lane(); i < p.columns; i += 32) out[i] = (x[i] - mean) * scale * p.weight[i] + p.bias[i];
}

// ---- from the float32 stream to what meets a weight, a bfloat16 matrix ----

struct NormHalf {
    const float* x;       // [rows, columns]
    const float* weight;  // [columns]
    const float* bias;    // [columns]; null for RMS norm
    bf16* out;            // [rows, columns], pitch = columns rounded up to 8; zeros in between
    u32 rows, columns;
    float eps;
    u32 alone;  // 1: a warp per row, else a block
};

// Values are held by eights: two loads, one store. A row is read once and stays in registers.
static const int EIGHTS = 8;

// Eight neighbours, zero beyond the end of the row.
DEVICE void load_eight(float (&v)[8], const float* row, u32 at, u32 columns) {
    if (columns % 4 == 0) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            uint4 four = {0, 0, 0, 0};
            if (at + 4 * half < columns) four = load16(row + at + 4 * half);
            v[4 * half] = float_of_bits(four.x);
            v[4 * half + 1] = float_of_bits(four.y);
            v[4 * half + 2] = float_of_bits(four.z);
            v[4 * half + 3] = float_of_bits(four.w);
        }
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) v[i] = at + i < columns ? row[at + i] : 0.0f;
    }
}

DEVICE void store_eight(bf16* at, const float (&v)[8]) {
    store16(at, {pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]), pack_bf16(v[4], v[5]), pack_bf16(v[6], v[7])});
}

// Whose eights a thread has: `first`, `first + step`, ... below `count`.
struct Share {
    u32 row, first, step, count, pitch;
};

DEVICE Share share_of(const NormHalf& p) {
    u32 count = (p.columns + 7) / 8;
    if (p.alone) return {ROW, (u32)lane(), 32, count, count * 8};
    return {blockIdx.x, threadIdx.x, blockDim.x, count, count * 8};
}

DEVICE float sum_over_row(float x, u32 alone, float* room) { return alone ? warp_sum(x) : block_sum(x, room); }

KERNEL(rms_norm_half, NormHalf, 256, 2) {
    SHARED float rms_room[32];
    Share own = share_of(p);
    if (own.row >= p.rows) return;
    const float* x = p.x + (u64)own.row * p.columns;
    float v[EIGHTS][8], squares = 0.0f;
#pragma unroll
    for (int k = 0; k < EIGHTS; k++) {
        u32 eight = own.first + k * own.step;
        if (eight >= own.count) continue;
        load_eight(v[k], x, eight * 8, p.columns);
        // The weight already now: it must not be waited for after the sum.
        float weight[8];
        load_eight(weight, p.weight, eight * 8, p.columns);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            squares += v[k][i] * v[k][i];
            v[k][i] *= weight[i];
        }
    }
    float scale = rsqrtf(sum_over_row(squares, p.alone, rms_room) / p.columns + p.eps);
    bf16* out = p.out + (u64)own.row * own.pitch;
#pragma unroll
    for (int k = 0; k < EIGHTS; k++) {
        u32 eight = own.first + k * own.step;
        if (eight >= own.count) continue;
#pragma unroll
        for (int i = 0; i < 8; i++) v[k][i] *= scale;
        store_eight(out + eight * 8, v[k]);
    }
}

// The mean first, as in `layer_norm`.
KERNEL(layer_norm_half, NormHalf, 256, 2) {
    SHARED float layer_room[32];
    Share own = share_of(p);
    if (own.row >= p.rows) return;
    const float* x = p.x + (u64)own.row * p.columns;
    float v[EIGHTS][8], sum = 0.0f, squares = 0.0f;
#pragma unroll
    for (int k = 0; k < EIGHTS; k++) {
        u32 eight = own.first + k * own.step;
        if (eight >= own.count) continue;
        load_eight(v[k], x, eight * 8, p.columns);
#pragma unroll
        for (int i = 0; i < 8; i++) sum += v[k][i];
    }
    float mean = sum_over_row(sum, p.alone, layer_room) / p.columns;
#pragma unroll
    for (int k = 0; k < EIGHTS; k++) {
        u32 eight = own.first + k * own.step;
        if (eight >= own.count) continue;
#pragma unroll
        for (int i = 0; i < 8; i++) {
            v[k][i] -= mean;
            squares += eight * 8 + i < p.columns ? v[k][i] * v[k][i] : 0.0f;
        }
    }
    float scale = rsqrtf(sum_over_row(squares, p.alone, layer_room) / p.columns + p.eps);
    bf16* out = p.out + (u64)own.row * own.pitch;
#pragma unroll
    for (int k = 0; k < EIGHTS; k++) {
        u32 eight = own.first + k * own.step;
        if (eight >= own.count) continue;
        // Zero beyond the last column, so these values end as zero too.
        float weight[8], bias[8];
        load_eight(weight, p.weight, eight * 8, p.columns);
        load_eight(bias, p.bias, eight * 8, p.columns);
#pragma unroll
        for (int i = 0; i < 8; i++) v[k][i] = v[k][i] * scale * weight[i] + bias[i];
        store_eight(out + eight * 8, v[k]);
    }
}
