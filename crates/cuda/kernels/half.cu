// Float32 activations to bfloat16 matrices. Host side: src/half.rs.
#include "device.cuh"

struct Round {
    const float* x;  // [rows, columns]
    bf16* out;       // [rows, pitch]
    u32 rows, columns, pitch, unused;
};

// A thread per 8 values of the output; those beyond the last column are zero.
KERNEL(round_rows, Round, 256, 1) {
    u32 pieces = p.pitch / 8;
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (u64)p.rows * pieces) return;
    u32 row = i / pieces, from = i % pieces * 8;
    const float* x = p.x + (u64)row * p.columns;
    u32 pairs[4];
#pragma unroll
    for (int k = 0; k < 4; k++) {
        u32 at = from + 2 * k;
        pairs[k] = pack_bf16(at < p.columns ? x[at] : 0.0f, at + 1 < p.columns ? x[at + 1] : 0.0f);
    }
    store16(p.out + i * 8, {pairs[0], pairs[1], pairs[2], pairs[3]});
}
