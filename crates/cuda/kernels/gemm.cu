// Products of many rows: prefill and pictures. A block computes a tile of rows by outputs; x and weights come through
// shared memory by asynchronous copies, several spans ahead, and every warp keeps its part of the tile in registers as
// float32. Weights of 8 and 4 bits stay as they are up to the registers and become bfloat16 (rounded) on the way
// to the tensor cores.
//
// A lane takes its operands with 16-byte loads, 8 inputs of a row at once (see product.cuh), instead of ldmatrix: as many
// bytes per instruction, and the order of a row in memory is then that of quantised weights as well. Eight lanes read
// two rows of 64 bytes side by side, so no two meet in a bank. Host side: src/linear.rs.
#include "product.cuh"

static const int THREADS = 128;

// A tile's sizes and how its shared memory is cut.
template <int form_, int rows_, int outputs_, int warp_rows_, int warp_outputs_, int stages_> struct Tile {
    static const int form = form_, rows = rows_, outputs = outputs_, warp_rows = warp_rows_, warp_outputs = warp_outputs_;
    static const int stages = stages_;
    static const int steps = 1 << form;
    static const int x_bytes = steps * rows * 64, stage_bytes = x_bytes + outputs * 64;
    // Per span two sets: of Q8 a scale per row, of Q4 one with a middle per row and step.
    static const int factors = form == Q4 ? 4 : 1;
    static_assert((rows / warp_rows) * (outputs / warp_outputs) * 32 == THREADS, "a warp for every part");
    static_assert(outputs <= THREADS, "a thread for the factors of every row of the weight");
    static_assert(rows * outputs * 4 <= stages * stage_bytes, "the tile leaves through the room of the stages");
};

// Where a block is.
struct Place {
    const Product* of;
    u32 row, output;  // the first of both
};

// Which row of a weight is row `row` of the tile's. With a gate, the first half of what a warp multiplies is the gate's.
template <class T> DEVICE const Weight& source(const Place& at, u32 row, u32& output) {
    const Product& of = *at.of;
    if (!of.gate.values) {
        output = at.output + row;
        return of.weight;
    }
    u32 part = row / T::warp_outputs, inside = row % T::warp_outputs;
    output = at.output + part * (T::warp_outputs / 2) + inside % (T::warp_outputs / 2);
    return inside < T::warp_outputs / 2 ? of.gate : of.weight;
}

// Begins to copy a span of x and of the weight. x: [steps][rows][64 bytes], weight: [outputs][64 bytes].
template <class T> DEVICE void load(u8* stage, const Products& p, const Place& at, u32 span) {
#pragma unroll
    for (int i = 0; i < T::x_bytes / 16 / THREADS; i++) {
        u32 piece = threadIdx.x + i * THREADS;
        u32 quarter = piece % 4, row = piece / 4 % T::rows, step = piece / 4 / T::rows;
        u32 input = (span * T::steps + step) * 32 + quarter * 8;
        bool inside = at.row + row < p.rows && input < p.x_pitch;
        copy_async16(stage + piece * 16, inside ? p.x + (u64)(at.row + row) * p.x_pitch + input : p.x, inside);
    }
#pragma unroll
    for (int i = 0; i < T::outputs * 4 / THREADS; i++) {
        u32 piece = threadIdx.x + i * THREADS, output;
        const Weight& w = source<T>(at, piece / 4, output);
        bool inside = output < at.of->outputs;
        const u8* from = inside ? w.values + ((u64)output * at.of->spans + span) * 64 + piece % 4 * 16 : w.values;
        copy_async16(stage + T::x_bytes + piece * 16, from, inside);
    }
}

// Scales of a span of the row of the weight that this thread looks after, on their way.
struct Fetched {
    uint2 scales;
    u32 units;
};

template <class T> DEVICE Fetched fetch(const Place& at, u32 span) {
    Fetched f = {{0, 0}, 0};
    if (T::form == BF16 || threadIdx.x >= T::outputs) return f;
    u32 output;
    const Weight& w = source<T>(at, threadIdx.x, output);
    if (output >= at.of->outputs) return f;
    u64 place = (u64)output * at.of->spans + span;
    if (T::form == Q8) f.scales.x = w.scales[place / 2];
    if (T::form == Q4) {
        f.scales = load8(w.scales + place * 4);
        f.units = w.units[place / 2];
    }
    return f;
}

// A scale in the lower half, in the upper what step 8 of Q4 stands for: both in bfloat16. Weights lie around zero, so that is
// small, and rounding it costs a tenth of what rounding the least value would.
template <class T> DEVICE void put(u32* factors, const Fetched& f) {
    if (T::form == BF16 || threadIdx.x >= T::outputs) return;
    u32* to = factors + threadIdx.x * T::factors;
    if (T::form == Q8) *to = pack_bf16(float_of_half((u16)f.scales.x) * UNIT, 0.0f);
    if (T::form == Q4) {
        float unit = float_of_half((u16)f.units) * UNIT, least_unit = float_of_half((u16)(f.units >> 16)) * UNIT;
        u32 four[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            u32 both = (i < 2 ? f.scales.x : f.scales.y) >> (i % 2 * 16);
            float scale = (float)(both & 255) * unit;
            four[i] = pack_bf16(scale, 8.0f * scale - (float)(both >> 8 & 255) * least_unit);
        }
        store16(to, {four[0], four[1], four[2], four[3]});
    }
}

// 8 values of a row of the weight, as operands.
template <class T> DEVICE void widen(u32 (&w)[4], const u8* row, const u32* factors, int step) {
    u32 t = lane() % 4;
    if (T::form == BF16) {
        uint4 v = load16(row + 16 * t);
        w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w;
    } else if (T::form == Q8) {
        uint2 v = load8(row + 16 * t + 8 * step);
        widen_bytes(w, v.x, v.y);
        u32 scale = pick_bytes(*factors, 0, 0x1010);
#pragma unroll
        for (int i = 0; i < 4; i++) w[i] = fma_bf16x2(w[i], scale, 0x80008000u);
    } else {
        widen_halves(w, *(const u32*)(row + 16 * t + 4 * step));
        u32 both = factors[step], scale = pick_bytes(both, 0, 0x1010), middle = pick_bytes(both, 0, 0x3232);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            // Less 128 and 8 first: that is exact.
            w[i] = fma_bf16x2(w[i], 0x3f803f80u, 0xc308c308u);
            w[i] = fma_bf16x2(w[i], scale, middle);
        }
    }
}

template <class T> using Sums = float[T::warp_rows / 16][T::warp_outputs / 8][4];

template <class T> DEVICE void multiply_span(Sums<T>& sums, const u8* stage, const u32* factors) {
    const int PARTS = T::outputs / T::warp_outputs;
    u32 g = lane() / 4, t = lane() % 4;
    u32 first_row = warp() / PARTS * T::warp_rows, first_output = warp() % PARTS * T::warp_outputs;
#pragma unroll 1
    for (int step = 0; step < T::steps; step++) {
        uint4 x[T::warp_rows / 16][2];
#pragma unroll
        for (int m = 0; m < T::warp_rows / 16; m++)
#pragma unroll
            for (int i = 0; i < 2; i++)
                x[m][i] = load16(stage + (step * T::rows + first_row + 16 * m + 8 * i + g) * 64 + 16 * t);
#pragma unroll
        for (int n = 0; n < T::warp_outputs / 8; n++) {
            u32 w[4], output = first_output + 8 * n + g;
            widen<T>(w, stage + T::x_bytes + output * 64, factors + output * T::factors, step);
#pragma unroll
            for (int m = 0; m < T::warp_rows / 16; m++) {
                u32 low[4] = {x[m][0].x, x[m][1].x, x[m][0].y, x[m][1].y};
                u32 high[4] = {x[m][0].z, x[m][1].z, x[m][0].w, x[m][1].w};
                multiply_tiles(sums[m][n], low, w[0], w[1]);
                multiply_tiles(sums[m][n], high, w[2], w[3]);
            }
        }
    }
}

// Adds up what the blocks of a tile have: each leaves its part in memory, the last to arrive sums all in their
// order. True in that block.
template <class T> DEVICE bool join(Sums<T>& sums, const Products& p, u32* room) {
    const int COUNT = T::warp_rows / 16 * (T::warp_outputs / 8) * 4;
    float* parts = p.parts + (u64)blockIdx.x * p.splits * COUNT * THREADS + threadIdx.x;
    float(&flat)[COUNT] = *(float(*)[COUNT])&sums;
#pragma unroll
    for (int i = 0; i < COUNT; i++) parts[((u64)blockIdx.z * COUNT + i) * THREADS] = flat[i];
    fence_device();
    sync_block();
    if (threadIdx.x == 0) *room = count_up(p.counters + blockIdx.x, 1);
    sync_block();
    if (*room + 1 < p.splits) return false;
    fence_device();
#pragma unroll
    for (int i = 0; i < COUNT; i++) flat[i] = 0.0f;
#pragma unroll 1
    for (u32 split = 0; split < p.splits; split++) {
#pragma unroll
        for (int i = 0; i < COUNT; i++) flat[i] += parts[((u64)split * COUNT + i) * THREADS];
    }
    if (threadIdx.x == 0) p.counters[blockIdx.x] = 0;
    sync_block();
    return true;
}

template <class T> DEVICE void multiply_many(const Products& p) {
    u8* shared = dynamic_shared();
    u32* factors = (u32*)(shared + T::stages * T::stage_bytes);
    const int SET = T::outputs * T::factors;
    u32 row_tiles = ceil_div(p.rows, T::rows), block = blockIdx.x / row_tiles;
    const Product& of = product_of(p, block, T::outputs);
    bool gated = of.gate.values;
    Place at = {&of, blockIdx.x % row_tiles * T::rows, block * (gated ? T::outputs / 2 : T::outputs)};
    u32 first = (u64)of.spans * blockIdx.z / p.splits, last = (u64)of.spans * (blockIdx.z + 1) / p.splits;

    Sums<T> sums = {};
#pragma unroll
    for (int i = 0; i < T::stages - 1; i++) {
        if (first + i < last) load<T>(shared + i * T::stage_bytes, p, at, first + i);
        copy_async_commit();
    }
    if (first < last) put<T>(factors, fetch<T>(at, first));
    u32 slot = 0;
    for (u32 span = first; span < last; span++) {
        copy_async_wait<T::stages - 2>();
        sync_block();
        // The stage that was read last is free now.
        u32 ahead = span + T::stages - 1, free = slot == 0 ? T::stages - 1 : slot - 1;
        if (ahead < last) load<T>(shared + free * T::stage_bytes, p, at, ahead);
        copy_async_commit();
        Fetched next;
        if (span + 1 < last) next = fetch<T>(at, span + 1);
        multiply_span<T>(sums, shared + slot * T::stage_bytes, factors + (span - first) % 2 * SET);
        if (span + 1 < last) put<T>(factors + (span + 1 - first) % 2 * SET, next);
        slot = slot + 1 == T::stages ? 0 : slot + 1;
    }
    copy_async_wait<0>();
    sync_block();
    if (p.splits > 1 && !join<T>(sums, p, (u32*)shared)) return;

    // Through shared memory, so that rows leave in one piece. Columns are exchanged by row, so that lanes write to
    // different banks.
    float* tile = (float*)shared;
    const int PARTS = T::outputs / T::warp_outputs;
    u32 g = lane() / 4, t = lane() % 4;
#pragma unroll
    for (int m = 0; m < T::warp_rows / 16; m++)
#pragma unroll
        for (int n = 0; n < T::warp_outputs / 8; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                u32 row = warp() / PARTS * T::warp_rows + 16 * m + 8 * (i / 2) + g;
                u32 column = warp() % PARTS * T::warp_outputs + 8 * n + 2 * t + i % 2;
                tile[row * T::outputs + (column ^ (row % 4 * 8))] = sums[m][n][i];
            }
    sync_block();
    u32 wide = gated ? T::outputs / 2 : T::outputs, half = T::warp_outputs / 2;
    for (u32 i = threadIdx.x; i < T::rows * wide; i += THREADS) {
        u32 row = i / wide, output = i % wide;
        if (at.row + row >= p.rows) break;
        u32 column = gated ? output / half * T::warp_outputs + output % half : output;
        u32 exchange = row % 4 * 8;
        const float* from = tile + row * T::outputs;
        float gate = gated ? from[column ^ exchange] : 0.0f;
        float sum = from[(gated ? column + half : column) ^ exchange];
        finish(of, at.row + row, at.output + output, sum, gate);
    }
}

// Name, form, stages of the large and of the small tile.
#define MANY(name, form, stages, small_stages)                                                              \
    typedef Tile<form, 128, 128, 64, 64, stages> name##_large;                                              \
    typedef Tile<form, 64, 64, 32, 32, small_stages> name##_small;                                          \
    KERNEL(multiply_many_##name##_large, Products, THREADS, 2) { multiply_many<name##_large>(p); }          \
    KERNEL(multiply_many_##name##_small, Products, THREADS, 3) { multiply_many<name##_small>(p); }
MANY(bf16, BF16, 4, 4)
MANY(q8, Q8, 3, 3)
MANY(q4, Q4, 2, 2)
