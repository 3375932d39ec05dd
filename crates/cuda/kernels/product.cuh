// What products of few and of many rows share: how weights lie in memory, how they become bfloat16, and what becomes
// of a product. Host side: src/linear.rs, src/linear/weight.rs.
//
// A row of a weight is cut into spans of 64 bytes, a span into quarters of 16: lane 4g + t of a warp reads quarter t of
// row g. A span has 1, 2 or 4 steps of 32 inputs; its quarter t holds the inputs 8t to 8t + 7 of every step, so that
// one 16-byte load gives a lane whole operands of the tensor cores, and the same 8 inputs of a row of x are 16
// bytes in a row. (In which order inputs are summed is free, as long as x and weight agree.)
//
//   BF16  1 step
//   Q8    2 steps of bytes with sign; a scale per 128 inputs (4 steps)
//   Q4    4 steps of halves of bytes; scale and least value per step, as bytes, in units per 256 inputs (8 steps)
#include "device.cuh"

enum Form { BF16, Q8, Q4 };
enum Then { FLOAT, ADD, HALF, GELU_TANH, GELU_ERF };

struct Weight {
    const u8* values;   // [outputs, spans, 64]
    const u16* scales;  // Q8: float16 [outputs, spans / 2]; Q4: scale in the lower byte, least in the upper [outputs, steps]
    const u32* units;   // Q4: float16 unit of scales, in the upper half that of the least values [outputs, spans / 2]
};

struct Product {
    Weight weight;
    Weight gate;  // of the weight's form and shape, or null: out = silu(gate x) * (weight x)
    const float* bias;
    void* out;
    u32 outputs, spans, form, then, out_pitch, unused;
};

static const int MOST_PRODUCTS = 3;
// Float16 scales count this.
static const float UNIT = 1.0f / 4096.0f;

struct Products {
    const bf16* x;  // [rows, x_pitch]
    float* parts;   // room for parts of sums, where several blocks share one
    u32* counters;
    Product of[MOST_PRODUCTS];
    u32 rows, x_pitch, count, splits;
};

// Which product a block works at; `block` becomes its number inside that.
DEVICE const Product& product_of(const Products& p, u32& block, u32 outputs_per_block) {
    u32 index = 0;
    for (; index + 1 < p.count; index++) {
        const Product& of = p.of[index];
        u32 blocks = ceil_div(of.outputs, of.gate.values ? outputs_per_block / 2 : outputs_per_block);
        if (block < blocks) break;
        block -= blocks;
    }
    return p.of[index];
}

// 8 values of 4 bits as pairs of bfloat16, 128 more than they are. Value 2i is half i of the word, value 2i + 1 is half i + 4.
DEVICE void widen_halves(u32 (&pairs)[4], u32 word) {
#pragma unroll
    for (int i = 0; i < 4; i++) pairs[i] = (word >> (4 * i) & 0x000f000fu) | 0x43004300u;
}

// 8 bytes with sign as pairs of bfloat16: the lower seven bits, less 128 where the sign bit is set. All of it is exact.
DEVICE void widen_bytes(u32 (&pairs)[4], u32 low, u32 high) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
        u32 both = pick_bytes(i < 2 ? low : high, 0, i % 2 ? 0x4342 : 0x4140);
        u32 digits = (both & 0x007f007fu) | 0x43004300u, sign = (both & 0x00800080u) | 0x43004300u;
        pairs[i] = fma_bf16x2(sign, 0xbf80bf80u, digits);
    }
}

// Bias, gate, activation, residual: a sum becomes an output. `output` may lie in what pads a row of the output.
DEVICE void finish(const Product& of, u32 row, u32 output, float sum, float gate) {
    bool inside = output < of.outputs;
    if (inside && of.bias) sum += of.bias[output];
    if (of.gate.values) sum *= gate / (1.0f + expf(-gate));
    u64 at = (u64)row * of.out_pitch + output;
    if (of.then <= ADD) {
        float* out = (float*)of.out + at;
        if (inside) *out = of.then == ADD ? *out + sum : sum;
        return;
    }
    if (of.then == GELU_TANH) sum = 0.5f * sum * (1.0f + tanhf(0.7978845608f * (sum + 0.044715f * sum * sum * sum)));
    if (of.then == GELU_ERF) sum = 0.5f * sum * (1.0f + erff(sum * 0.7071067812f));
    if (output < of.out_pitch) ((bf16*)of.out)[at] = to_bf16(inside ? sum : 0.0f);
}
