// Products of up to 16 rows: decode. The time is that of reading the weights once, so all is arranged for that.
// Weights go from memory straight to registers, 16 bytes per load, 8 loads of each lane under way; the tensor cores
// multiply (16 outputs by 8 rows of x at once; that most of the 8 are empty for one row costs nothing that
// is scarce, while products in ordinary arithmetic would take more instructions than there is time for in 4
// bits). Warps of a block share the inputs of the same outputs and add up at the end, so even 1024 outputs keep
// every multiprocessor loading. Host side: src/linear.rs.
#include "product.cuh"

// A lane's rows of a tile of 16 outputs: rows g and g + 8.
struct Lines {
    const u8* values;  // of row g, quarter t
    const u16* scales;
    const u32* units;
    u32 inside;  // rows of the two that are outputs
};

DEVICE Lines lines_of(const Weight& w, u32 first, u32 outputs, u32 spans, int form) {
    u32 g = lane() / 4, t = lane() % 4;
    u64 output = first + g;
    u32 inside = output + 8 < outputs ? 2 : output < outputs;
    return {w.values + output * spans * 64 + 16 * t, w.scales + output * (form == Q4 ? spans * 4 : spans / 2),
            w.units + output * (spans / 2), inside};
}

// A span of a lane's two rows, on its way.
struct Span {
    uint4 values[2];
    uint2 scales[2];
    u32 units[2];
};

template <int form> DEVICE void load_span(Span& to, const Lines& lines, u32 span, u32 spans) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
        to.values[i] = {0, 0, 0, 0};
        to.scales[i] = {0, 0};
        to.units[i] = 0;
        if (i >= (int)lines.inside) continue;
        u64 at = i * 8 * spans + span;
        to.values[i] = load16_once(lines.values + at * 64);
        if (form == Q8) to.scales[i].x = lines.scales[at / 2];
        if (form == Q4) {
            to.scales[i] = load8(lines.scales + at * 4);
            to.units[i] = lines.units[at / 2];
        }
    }
}

DEVICE u32 word_of(const uint4& v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }

// sum += 16 outputs by 8 rows over the 32 inputs of a step. `first` and `second`: 8 values of rows g and g + 8.
DEVICE void multiply_step(float (&sum)[4], const u32 (&first)[4], const u32 (&second)[4], const uint4& x) {
    u32 low[4] = {first[0], second[0], first[1], second[1]}, high[4] = {first[2], second[2], first[3], second[3]};
    multiply_tiles(sum, low, x.x, x.y);
    multiply_tiles(sum, high, x.z, x.w);
}

// 8 values of a lane's row of x, for each 8 rows.
template <int columns> DEVICE void load_x(uint4 (&x)[columns], const Products& p, u32 step) {
    u32 g = lane() / 4, input = step * 32 + 8 * (lane() % 4);
#pragma unroll
    for (int c = 0; c < columns; c++) {
        u32 row = 8 * c + g;
        x[c] = {0, 0, 0, 0};
        if (row < p.rows && input < p.x_pitch) x[c] = load16(p.x + (u64)row * p.x_pitch + input);
    }
}

template <int form, int tiles, int columns>
DEVICE void multiply_span(float (&sum)[tiles][columns][4], Span (&spans)[tiles], const Products& p, u32 first_step) {
    uint4 x[columns];
    if (form == BF16) {
        load_x(x, p, first_step);
#pragma unroll
        for (int tile = 0; tile < tiles; tile++) {
            const uint4 &a = spans[tile].values[0], &b = spans[tile].values[1];
            u32 first[4] = {a.x, a.y, a.z, a.w}, second[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
            for (int c = 0; c < columns; c++) multiply_step(sum[tile][c], first, second, x[c]);
        }
        return;
    }
    if (form == Q8) {
        float part[tiles][columns][4] = {};
#pragma unroll
        for (int step = 0; step < 2; step++) {
            load_x(x, p, first_step + step);
#pragma unroll
            for (int tile = 0; tile < tiles; tile++) {
                u32 rows[2][4];
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    const uint4& v = spans[tile].values[i];
                    widen_bytes(rows[i], word_of(v, 2 * step), word_of(v, 2 * step + 1));
                }
#pragma unroll
                for (int c = 0; c < columns; c++) multiply_step(part[tile][c], rows[0], rows[1], x[c]);
            }
        }
#pragma unroll
        for (int tile = 0; tile < tiles; tile++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                float scale = float_of_half((u16)spans[tile].scales[i / 2].x) * UNIT;
#pragma unroll
                for (int c = 0; c < columns; c++) sum[tile][c][i] += scale * part[tile][c][i];
            }
        return;
    }
    // The sum over a step of (half * scale - least) x is scale * (sum of (half + 128) x) - (128 scale + least) * (sum of x).
    // Two steps at a time: all four at once would take more registers than there are.
#pragma unroll 1
    for (int pair = 0; pair < 2; pair++) {
#pragma unroll
        for (int step = 0; step < 2; step++) {
            const u32 ones[4] = {0x3f803f80u, 0x3f803f80u, 0x3f803f80u, 0x3f803f80u};
            float all[columns][4] = {};
            load_x(x, p, first_step + 2 * pair + step);
#pragma unroll
            for (int c = 0; c < columns; c++) multiply_step(all[c], ones, ones, x[c]);
#pragma unroll
            for (int tile = 0; tile < tiles; tile++) {
                u32 rows[2][4];
                float scale[2], offset[2];
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    widen_halves(rows[i], word_of(spans[tile].values[i], step));
                    u32 bytes = spans[tile].scales[i].x >> (step * 16), units = spans[tile].units[i];
                    scale[i] = (float)(bytes & 255) * (float_of_half((u16)units) * UNIT);
                    offset[i] = (float)(bytes >> 8 & 255) * (float_of_half((u16)(units >> 16)) * UNIT) + 128.0f * scale[i];
                }
#pragma unroll
                for (int c = 0; c < columns; c++) {
                    float part[4] = {};
                    multiply_step(part, rows[0], rows[1], x[c]);
#pragma unroll
                    for (int i = 0; i < 4; i++)
                        sum[tile][c][i] += scale[i / 2] * part[i] - offset[i / 2] * all[c][i % 2];
                }
            }
        }
#pragma unroll
        for (int tile = 0; tile < tiles; tile++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                Span& s = spans[tile];
                s.values[i] = {s.values[i].z, s.values[i].w, 0, 0};
                s.scales[i] = {s.scales[i].y, 0};
            }
    }
}

// What this warp adds to the sums: every so many-th span.
template <int form, int tiles, int columns>
DEVICE void stream(float (&sum)[tiles][columns][4], const Products& p, const Lines (&lines)[tiles], u32 spans) {
    const int STEPS = 1 << form;
    const int DEEP = form == Q4 ? 3 - columns : 4 / tiles;  // spans under way
    u32 warps = blockDim.x / 32;
    Span under_way[DEEP][tiles];
#pragma unroll
    for (int d = 0; d < DEEP; d++) {
        u32 span = warp() + d * warps;
#pragma unroll
        for (int tile = 0; tile < tiles; tile++)
            if (span < spans) load_span<form>(under_way[d][tile], lines[tile], span, spans);
    }
    for (u32 base = warp(); base < spans; base += DEEP * warps) {
#pragma unroll
        for (int d = 0; d < DEEP; d++) {
            u32 span = base + d * warps;
            if (span >= spans) break;
            multiply_span<form, tiles, columns>(sum, under_way[d], p, span * STEPS);
            u32 next = span + DEEP * warps;
#pragma unroll
            for (int tile = 0; tile < tiles; tile++)
                if (next < spans) load_span<form>(under_way[d][tile], lines[tile], next, spans);
        }
    }
}

// tiles: of 16 outputs per block; with a gate the first is the gate's. columns: of 8 rows of x.
template <int tiles, int columns> DEVICE void multiply_few(const Products& p) {
    u32 block = blockIdx.x;
    const Product& of = product_of(p, block, 16 * tiles);
    bool gated = of.gate.values;
    u32 first = block * (gated ? 8 * tiles : 16 * tiles);
    Lines lines[tiles];
#pragma unroll
    for (int tile = 0; tile < tiles; tile++) {
        bool gate = gated && tile < tiles / 2;
        u32 from = first + (gated ? tile % (tiles > 1 ? tiles / 2 : 1) : tile) * 16;
        lines[tile] = lines_of(gate ? of.gate : of.weight, from, of.outputs, of.spans, of.form);
    }
    float sum[tiles][columns][4] = {};
    if (of.form == BF16) stream<BF16>(sum, p, lines, of.spans);
    if (of.form == Q8) stream<Q8>(sum, p, lines, of.spans);
    if (of.form == Q4) stream<Q4>(sum, p, lines, of.spans);
    // [warps][rows of x][outputs], a little apart so that lanes write to different banks
    const u32 PITCH = 16 * tiles + 4;
    float* room = (float*)dynamic_shared();
    u32 g = lane() / 4, t = lane() % 4;
    float* own = room + warp() * (8 * columns * PITCH);
#pragma unroll
    for (int tile = 0; tile < tiles; tile++)
#pragma unroll
        for (int c = 0; c < columns; c++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                own[(8 * c + 2 * t + i % 2) * PITCH + 16 * tile + g + 8 * (i / 2)] = sum[tile][c][i];
    sync_block();
    u32 wide = gated ? 8 * tiles : 16 * tiles;
    for (u32 i = threadIdx.x; i < p.rows * wide; i += blockDim.x) {
        u32 row = i / wide, output = i % wide;
        float total = 0.0f, gate = 0.0f;
        for (u32 w = 0; w < blockDim.x / 32; w++) {
            const float* part = room + (w * 8 * columns + row) * PITCH + output;
            if (gated) gate += part[0];
            total += part[gated ? wide : 0];
        }
        finish(of, row, first + output, total, gate);
    }
}

KERNEL(multiply_few_narrow, Products, 256, 2) { multiply_few<1, 1>(p); }
KERNEL(multiply_few_wide, Products, 512, 1) { multiply_few<2, 1>(p); }
KERNEL(multiply_some_wide, Products, 384, 1) { multiply_few<2, 2>(p); }
