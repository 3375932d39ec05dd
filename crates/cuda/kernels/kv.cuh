// The norm and rotation of a head. Each file of kernels includes it once.
#include "device.cuh"

// RMS norm of a head, then the rotation of pairs (i, i + half). A warp; each lane has up to two times two neighbours
// of both halves, so head_dim is at most 256.
DEVICE void norm_and_rotate(const bf16* from, bf16* to, const float* norm, const float* cos, const float* sin, u32 half,
                            float eps) {
    float a[4], b[4], squares = 0.0f;
#pragma unroll
    for (int k = 0; k < 2; k++) {
        u32 i = 2 * lane() + 64 * k;
        u32 low = i < half ? *(const u32*)(from + i) : 0, high = i < half ? *(const u32*)(from + half + i) : 0;
        a[2 * k] = low_bf16(low), a[2 * k + 1] = high_bf16(low);
        b[2 * k] = low_bf16(high), b[2 * k + 1] = high_bf16(high);
    }
#pragma unroll
    for (int k = 0; k < 4; k++) squares += a[k] * a[k] + b[k] * b[k];
    float scale = rsqrtf(warp_sum(squares) / (2 * half) + eps);
#pragma unroll
    for (int k = 0; k < 2; k++) {
        u32 i = 2 * lane() + 64 * k;
        if (i >= half) continue;
        float low[2], high[2];
#pragma unroll
        for (int j = 0; j < 2; j++) {
            float c = cos[i + j], s = sin[i + j];
            float x = a[2 * k + j] * scale * norm[i + j], y = b[2 * k + j] * scale * norm[half + i + j];
            low[j] = x * c - y * s;
            high[j] = y * c + x * s;
        }
        *(u32*)(to + i) = pack_bf16(low[0], low[1]);
        *(u32*)(to + half + i) = pack_bf16(high[0], high[1]);
    }
}
