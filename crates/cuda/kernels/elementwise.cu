// Values one by one, and rows that are moved: limited by memory, so plain. Host side: src/elementwise.rs.
#include "device.cuh"

static const int THREADS = 256;
#define INDEX ((u64)blockIdx.x * blockDim.x + threadIdx.x)

struct Pair {
    float* into;
    const float* from;
    u64 count;
};

// into += from
KERNEL(add, Pair, THREADS, 1) {
    u64 i = INDEX;
    if (i < p.count) p.into[i] += p.from[i];
}

// into = silu(into) * from
KERNEL(silu_mul, Pair, THREADS, 1) {
    u64 i = INDEX;
    if (i >= p.count) return;
    float x = p.into[i];
    p.into[i] = x / (1.0f + expf(-x)) * p.from[i];
}

// The tanh form of GELU, in place.
KERNEL(gelu_tanh, Pair, THREADS, 1) {
    u64 i = INDEX;
    if (i >= p.count) return;
    float x = p.into[i];
    p.into[i] = 0.5f * x * (1.0f + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
}

// The exact GELU, in place.
KERNEL(gelu_erf, Pair, THREADS, 1) {
    u64 i = INDEX;
    if (i >= p.count) return;
    float x = p.into[i];
    p.into[i] = 0.5f * x * (1.0f + erff(x * 0.7071067812f));
}

struct Rotate {
    float* x;          // [rows, heads * 2 half]
    const float* cos;  // [rows, half]
    const float* sin;  // [rows, half]
    u32 rows, heads, half, unused;
};

KERNEL(rotate, Rotate, THREADS, 1) {
    u64 i = INDEX;
    if (i >= (u64)p.rows * p.heads * p.half) return;
    u32 place = i % p.half;
    u64 head = i / p.half, row = head / p.heads;
    float c = p.cos[row * p.half + place], s = p.sin[row * p.half + place];
    float* at = p.x + head * 2 * p.half + place;
    float a = at[0], b = at[p.half];
    at[0] = a * c - b * s;
    at[p.half] = b * c + a * s;
}

struct Rows {
    float* into;
    const float* from;
    const u32* to_rows;    // null: 0, 1, 2, ...
    const u32* from_rows;  // null: 0, 1, 2, ...
    u32 rows, columns;
    u32 add;  // 1: into += from, else into = from
    u32 unused;
};

KERNEL(move_rows, Rows, THREADS, 1) {
    u64 i = INDEX;
    if (i >= (u64)p.rows * p.columns) return;
    u64 row = i / p.columns, column = i % p.columns;
    u64 to = (p.to_rows ? p.to_rows[row] : row) * p.columns + column;
    u64 from = (p.from_rows ? p.from_rows[row] : row) * p.columns + column;
    p.into[to] = p.add ? p.into[to] + p.from[from] : p.from[from];
}

struct Interpolated {
    float* x;              // [rows, columns]
    const float* table;    // [places, columns]
    const u32* places;     // [rows, 4]
    const float* weights;  // [rows, 4]
    u32 rows, columns;
};

// x += the weighted sum of four rows of the table
KERNEL(add_interpolated, Interpolated, THREADS, 1) {
    u64 i = INDEX;
    if (i >= (u64)p.rows * p.columns) return;
    u64 row = i / p.columns, column = i % p.columns;
    float sum = 0.0f;
    for (int k = 0; k < 4; k++) sum += p.weights[row * 4 + k] * p.table[(u64)p.places[row * 4 + k] * p.columns + column];
    p.x[i] += sum;
}
