// Products of bfloat16 activations with weights. Host side: src/linear.rs.
#include "device.cuh"

enum Then { FLOAT, ADD, HALF, GELU_TANH, GELU_ERF };

struct Product {
    const bf16* x;       // [rows, x_pitch]
    const bf16* weight;  // [outputs, pitch]
    const bf16* gate;    // null, or of the shape of the weight: out = silu(gate x) * (weight x)
    const float* bias;   // [outputs] or null
    void* out;
    u32 rows, inputs, outputs, x_pitch, pitch, out_pitch, then, unused;
};

DEVICE float dot(const bf16* x, const bf16* w, u32 count) {
    float sum = 0.0f;
    for (u32 i = 0; i < count; i++) sum += to_float(x[i]) * to_float(w[i]);
    return sum;
}

KERNEL(product_simple, Product, 256, 1) {
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (u64)p.rows * p.out_pitch) return;
    u32 row = i / p.out_pitch, output = i % p.out_pitch;
    float sum = 0.0f;
    if (output < p.outputs) {
        const bf16* x = p.x + (u64)row * p.x_pitch;
        sum = dot(x, p.weight + (u64)output * p.pitch, p.inputs);
        if (p.bias) sum += p.bias[output];
        if (p.gate) {
            float g = dot(x, p.gate + (u64)output * p.pitch, p.inputs);
            sum *= g / (1.0f + expf(-g));
        }
    }
    if (p.then == GELU_TANH) sum = 0.5f * sum * (1.0f + tanhf(0.7978845608f * (sum + 0.044715f * sum * sum * sum)));
    if (p.then == GELU_ERF) sum = 0.5f * sum * (1.0f + erff(sum * 0.7071067812f));
    if (p.then == FLOAT) ((float*)p.out)[i] = sum;
    else if (p.then == ADD) ((float*)p.out)[i] += sum;
    else ((bf16*)p.out)[i] = to_bf16(sum);
}
