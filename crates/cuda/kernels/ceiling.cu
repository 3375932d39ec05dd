// What a device can do at most: tensor-core products of operands in registers, and reading of memory. Host side:
// src/ceiling.rs.
#include "device.cuh"

struct Products {
    float* out;  // never written
    u32 steps, never;
};

// Eight sums per warp, none of which waits for another: 8 * 4096 operations a step.
KERNEL(ceiling_products, Products, 256, 2) {
    float sum[8][4];
    u32 a[4], one = pack_bf16(1.0f, 1.0f);
#pragma unroll
    for (int i = 0; i < 4; i++) a[i] = one;
#pragma unroll
    for (int i = 0; i < 8; i++) sum[i][0] = sum[i][1] = sum[i][2] = sum[i][3] = 0.0f;
    for (u32 step = 0; step < p.steps; step++) {
#pragma unroll
        for (int i = 0; i < 8; i++) multiply_tiles(sum[i], a, one, one);
    }
    float total = 0.0f;
#pragma unroll
    for (int i = 0; i < 8; i++) total += sum[i][0] + sum[i][1] + sum[i][2] + sum[i][3];
    // The sums are wanted by nobody, but the compiler cannot know.
    if (p.never) p.out[threadIdx.x] = total;
}

struct Read {
    const u8* from;
    u32* out;    // never written
    u64 chunks;  // of 16 bytes
    u64 never;
};

// Four loads on their way in every thread.
KERNEL(ceiling_read, Read, 256, 4) {
    u64 stride = (u64)gridDim.x * blockDim.x;
    u32 all = 0;
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    for (; i + 3 * stride < p.chunks; i += 4 * stride) {
        uint4 v[4];
#pragma unroll
        for (int k = 0; k < 4; k++) v[k] = load16_once(p.from + 16 * (i + k * stride));
#pragma unroll
        for (int k = 0; k < 4; k++) all ^= v[k].x ^ v[k].y ^ v[k].z ^ v[k].w;
    }
    for (; i < p.chunks; i += stride) {
        uint4 v = load16_once(p.from + 16 * i);
        all ^= v.x ^ v.y ^ v.z ^ v.w;
    }
    if (p.never) p.out[threadIdx.x] = all;
}
