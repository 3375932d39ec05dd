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
