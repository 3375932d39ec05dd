// What kernels use of the machine: types, 16-byte loads, warp and block collectives, asynchronous copies, and
// the tensor-core product. This is the only file with PTX in it; the emulator gives the same names another body
// (crates/cuda-emulator/emulated/device.h), so that every kernel also runs on a processor.
//
// Bound to PTX ISA 8.4 and sm_80: what a driver of the 550 branch loads on every card since Ampere.
#pragma once

typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
// The upper half of a float32.
typedef u16 bf16;

#ifdef LOOKDESK_EMULATED
#include "device.h"
#else

#define DEVICE __device__ __forceinline__
#define SHARED __shared__
// A kernel takes one struct by value. `threads`: most threads of a block; `blocks`: blocks that should fit on a
// multiprocessor at once (registers are bounded by it).
#define KERNEL(name, Params, threads, blocks) \
    extern "C" __global__ void __launch_bounds__(threads, blocks) name(const __grid_constant__ Params p)

#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif

DEVICE u8* dynamic_shared() {
    extern __shared__ __align__(128) u8 dynamic_shared_bytes[];
    return dynamic_shared_bytes;
}

// ---- loads and stores of 16 bytes; both addresses are multiples of 16 ----

DEVICE uint4 load16(const void* at) { return *(const uint4*)at; }
DEVICE void store16(void* at, uint4 value) { *(uint4*)at = value; }
// Read once, like weights in decode: does not displace what is read again. Global memory that no
// thread of this kernel writes.
DEVICE uint4 load16_once(const void* at) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(at));
    return v;
}

// 8 bytes at a multiple of 8.
DEVICE uint2 load8(const void* at) { return *(const uint2*)at; }

// ---- numbers ----

DEVICE float to_float(bf16 x) { return __uint_as_float((u32)x << 16); }
DEVICE float float_of_bits(u32 bits) { return __uint_as_float(bits); }
DEVICE u32 bits_of_float(float x) { return __float_as_uint(x); }
// Two values rounded to nearest even; `low` in the lower half.
DEVICE u32 pack_bf16(float low, float high) {
    u32 out;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(out) : "f"(high), "f"(low));
    return out;
}
DEVICE bf16 to_bf16(float x) { return (bf16)(pack_bf16(x, 0.0f) & 0xffff); }
// a * b + c on both bfloat16 values of each, rounded once.
DEVICE u32 fma_bf16x2(u32 a, u32 b, u32 c) {
    u32 out;
    asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(out) : "r"(a), "r"(b), "r"(c));
    return out;
}
// The value of a float16.
DEVICE float float_of_half(u16 bits) {
    float out;
    asm("cvt.f32.f16 %0, %1;" : "=f"(out) : "h"(bits));
    return out;
}
// Four bytes out of eight, `a` being the lower ones: each of the lower four digits of `which` names one.
DEVICE u32 pick_bytes(u32 a, u32 b, u32 which) { return __byte_perm(a, b, which); }
// 2^x, to about 2 units in the last place.
DEVICE float exp2_fast(float x) {
    float out;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(out) : "f"(x));
    return out;
}
// a * b + c on four bytes each with sign, summed.
DEVICE int dot4(u32 a, u32 b, int c) {
    int out;
    asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(out) : "r"(a), "r"(b), "r"(c));
    return out;
}

// ---- collectives: every lane of the warp, every thread of the block must come ----

DEVICE float shfl(float x, int lane) { return __shfl_sync(0xffffffffu, x, lane); }
DEVICE u32 shfl(u32 x, int lane) { return __shfl_sync(0xffffffffu, x, lane); }
DEVICE float shfl_xor(float x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
DEVICE u32 shfl_xor(u32 x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
DEVICE u32 ballot(bool is) { return __ballot_sync(0xffffffffu, is); }
// The sum over the warp, in every lane.
DEVICE u32 warp_sum(u32 x) { return __reduce_add_sync(0xffffffffu, x); }
DEVICE void sync_warp() { __syncwarp(); }
DEVICE void sync_block() { __syncthreads(); }

// ---- the last block to arrive finishes a sum that several blocks made parts of ----

// Makes this thread's writes visible to the whole device before what it writes next.
DEVICE void fence_device() { __threadfence(); }
// Adds to a counter, returns what it was.
DEVICE u32 count_up(u32* counter, u32 by) { return atomicAdd(counter, by); }

// ---- asynchronous copies from global to shared memory, 16 bytes each ----

// Copies 16 bytes, or writes 16 zero bytes where not `valid` (then `from` is not read, but must be a pointer that could be).
DEVICE void copy_async16(void* shared, const void* from, bool valid) {
    u32 to = (u32)__cvta_generic_to_shared(shared);
    int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}
// Ends a group of copies.
DEVICE void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most `left` of this thread's newest groups are still on their way. Others' copies are
// seen after a sync_block that follows.
template <int left> DEVICE void copy_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(left) : "memory"); }

// ---- tensor cores ----

// Four 8x8 tiles of 16-bit values; lane i gives the address of row i % 8 of tile i / 8, 16 bytes.
// Lane l receives of each tile the values (row l / 4, columns 2 (l % 4) and + 1).
DEVICE void load_tiles(u32 (&tiles)[4], const void* shared_row) {
    u32 at = (u32)__cvta_generic_to_shared(shared_row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
                 : "r"(at)
                 : "memory");
}
// As `load_tiles`, every tile transposed on its way.
DEVICE void load_tiles_transposed(u32 (&tiles)[4], const void* shared_row) {
    u32 at = (u32)__cvta_generic_to_shared(shared_row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
                 : "r"(at)
                 : "memory");
}
// sum[16, 8] += a[16, 16] b[16, 8], a and b bfloat16, sums float32. Lane l, g = l / 4, t = l % 4:
// a[0]: row g, columns 2t, 2t+1; a[1]: row g+8; a[2]: row g, columns 2t+8, +9; a[3]: row g+8, columns 2t+8, +9
// b[0]: rows 2t, 2t+1 of column g; b[1]: rows 2t+8, +9 of column g
// sum[0], sum[1]: row g, columns 2t, 2t+1; sum[2], sum[3]: row g+8, the same columns
DEVICE void multiply_tiles(float (&sum)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#endif  // LOOKDESK_EMULATED

// ---- made of the above ----

DEVICE int lane() { return threadIdx.x % 32; }
DEVICE int warp() { return threadIdx.x / 32; }
DEVICE float low_bf16(u32 pair) { return float_of_bits(pair << 16); }
DEVICE float high_bf16(u32 pair) { return float_of_bits(pair & 0xffff0000u); }

DEVICE float warp_sum(float x) {
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) x += shfl_xor(x, mask);
    return x;
}
DEVICE float warp_max(float x) {
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) x = fmaxf(x, shfl_xor(x, mask));
    return x;
}
// The sum over all threads of a block of whole warps, in every thread. `room`: 32 floats of shared memory that
// nobody else uses; may be used again at once.
DEVICE float block_sum(float x, float* room) {
    x = warp_sum(x);
    sync_block();
    if (lane() == 0) room[warp()] = x;
    sync_block();
    x = lane() < (int)(blockDim.x / 32) ? room[lane()] : 0.0f;
    return warp_sum(x);
}
DEVICE int ceil_div(int a, int b) { return (a + b - 1) / b; }
