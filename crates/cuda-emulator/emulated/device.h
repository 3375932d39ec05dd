// The words of kernels/device.cuh on a processor. Each thread of a block is a fiber; a collective makes it wait for the
// others. What hardware leaves undefined ends in a message here:
// - a lane or thread that does not come to a collective, or comes to another one;
// - addresses that are not multiples of what is loaded;
// - asynchronous copies arrive only when they are waited for, shared memory is full of NaN at first, threads run
//   in a random order between collectives: what relies on luck is found.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

struct uint4 { u32 x, y, z, w; };
struct uint2 { u32 x, y; };
struct float2 { float x, y; };
struct float4 { float x, y, z, w; };
struct Index3 { u32 x, y, z; };

namespace emulated {
extern Index3 thread, block, block_size, grid;

[[noreturn]] void fail(const char* what);
void wait_warp(const char* what);
void wait_block();
// Room for a lane's part in a collective; two rounds, so that the next may begin while the last is read.
u8* slot(int lane);
u8* dynamic_memory();
void later(void* to, const void* from, bool valid);
void commit();
void wait(int left);

struct Kernel {
    const char* name;
    u32 params, most_threads;
    void (*run)(const void*);
    Kernel* next;
    Kernel(const char* name, u32 params, u32 most_threads, void (*run)(const void*));
};

inline void aligned(const void* at) {
    if ((uintptr_t)at % 16) fail("a 16-byte access at an address that is no multiple of 16");
}
template <class T> T exchange(T mine, int from, const char* what) {
    static_assert(sizeof(T) <= 64, "a slot has 64 bytes");
    int me = thread.x % 32;
    u8* own = slot(me);
    memcpy(own, &mine, sizeof(T));
    u8* other = slot(from & 31);
    wait_warp(what);
    T out;
    memcpy(&out, other, sizeof(T));
    return out;
}
}  // namespace emulated

#define threadIdx (emulated::thread)
#define blockIdx (emulated::block)
#define blockDim (emulated::block_size)
#define gridDim (emulated::grid)
#define DEVICE static inline __attribute__((unused))
// Not inside templates: the section would have to be two things at once.
#define SHARED static __attribute__((section("emulated_shared")))
#define KERNEL(name, Params, threads, blocks)                                                          \
    static void name(const Params p);                                                                  \
    static emulated::Kernel name##_entry(#name, sizeof(Params), threads,                               \
                                         [](const void* bytes) { name(*(const Params*)bytes); });      \
    static void name(const Params p)

DEVICE u8* dynamic_shared() { return emulated::dynamic_memory(); }

DEVICE uint4 load16(const void* at) {
    emulated::aligned(at);
    uint4 v;
    memcpy(&v, at, 16);
    return v;
}
DEVICE void store16(void* at, uint4 value) {
    emulated::aligned(at);
    memcpy(at, &value, 16);
}
DEVICE uint2 load8(const void* at) {
    if ((uintptr_t)at % 8) emulated::fail("an 8-byte access at an address that is no multiple of 8");
    uint2 v;
    memcpy(&v, at, 8);
    return v;
}
DEVICE uint4 load16_once(const void* at) { return load16(at); }

DEVICE float float_of_bits(u32 bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}
DEVICE u32 bits_of_float(float x) {
    u32 bits;
    memcpy(&bits, &x, 4);
    return bits;
}
DEVICE float to_float(bf16 x) { return float_of_bits((u32)x << 16); }
DEVICE bf16 to_bf16(float x) {
    u32 bits = bits_of_float(x);
    if (x != x) return 0x7fff;
    return (bf16)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
DEVICE u32 pack_bf16(float low, float high) { return (u32)to_bf16(low) | (u32)to_bf16(high) << 16; }
DEVICE u32 fma_bf16x2(u32 a, u32 b, u32 c) {
    // The product of two bfloat16 is exact in float64, and so, nearly always, is the sum.
    auto at = [](u32 pair, int which) { return (double)float_of_bits(which ? pair & 0xffff0000u : pair << 16); };
    float both[2];
    for (int i = 0; i < 2; i++) both[i] = (float)(at(a, i) * at(b, i) + at(c, i));
    return pack_bf16(both[0], both[1]);
}
DEVICE float float_of_half(u16 bits) {
    int exponent = bits >> 10 & 31, digits = bits & 1023;
    float size = exponent == 0    ? ldexpf((float)digits, -24)
                 : exponent == 31 ? (digits ? NAN : INFINITY)
                                  : ldexpf((float)(digits + 1024), exponent - 25);
    return bits & 0x8000 ? -size : size;
}
DEVICE u32 pick_bytes(u32 a, u32 b, u32 which) {
    u64 all = (u64)b << 32 | a;
    u32 out = 0;
    for (int i = 0; i < 4; i++) out |= (u32)(all >> (8 * (which >> (4 * i) & 7)) & 255) << (8 * i);
    return out;
}
DEVICE float exp2_fast(float x) { return exp2f(x); }
DEVICE float rsqrtf(float x) { return 1.0f / sqrtf(x); }
DEVICE u32 min(u32 a, u32 b) { return a < b ? a : b; }
DEVICE int min(int a, int b) { return a < b ? a : b; }
DEVICE u32 max(u32 a, u32 b) { return a > b ? a : b; }
DEVICE int max(int a, int b) { return a > b ? a : b; }
DEVICE int dot4(u32 a, u32 b, int c) {
    for (int i = 0; i < 32; i += 8) c += (int)(i8)(a >> i) * (int)(i8)(b >> i);
    return c;
}

DEVICE float shfl(float x, int from) { return emulated::exchange(x, from, "shfl"); }
DEVICE u32 shfl(u32 x, int from) { return emulated::exchange(x, from, "shfl"); }
DEVICE float shfl_xor(float x, int mask) { return emulated::exchange(x, (threadIdx.x % 32) ^ mask, "shfl_xor"); }
DEVICE u32 shfl_xor(u32 x, int mask) { return emulated::exchange(x, (threadIdx.x % 32) ^ mask, "shfl_xor"); }
DEVICE u32 ballot(bool is) {
    u8 mine = is;
    u8* slots[32];
    for (int i = 0; i < 32; i++) slots[i] = emulated::slot(i);
    *slots[threadIdx.x % 32] = mine;
    emulated::wait_warp("ballot");
    u32 out = 0;
    for (int i = 0; i < 32; i++) out |= (u32)*slots[i] << i;
    return out;
}
DEVICE u32 warp_sum(u32 x) {
    for (int mask = 16; mask > 0; mask /= 2) x += emulated::exchange(x, (threadIdx.x % 32) ^ mask, "warp_sum");
    return x;
}
DEVICE void sync_warp() { emulated::wait_warp("sync_warp"); }
DEVICE void sync_block() { emulated::wait_block(); }
DEVICE void fence_device() {}
DEVICE u32 count_up(u32* counter, u32 by) {
    u32 was = *counter;
    *counter += by;
    return was;
}

DEVICE void copy_async16(void* shared, const void* from, bool valid) {
    emulated::aligned(shared);
    emulated::aligned(from);
    emulated::later(shared, from, valid);
}
DEVICE void copy_async_commit() { emulated::commit(); }
template <int left> DEVICE void copy_async_wait() { emulated::wait(left); }

namespace emulated {
inline void load_tiles(u32 (&tiles)[4], const void* shared_row, bool transposed) {
    aligned(shared_row);
    int me = thread.x % 32, g = me / 4, t = me % 4;
    u8* slots[32];
    for (int i = 0; i < 32; i++) slots[i] = slot(i);
    memcpy(slots[me], &shared_row, sizeof(void*));
    wait_warp(transposed ? "load_tiles_transposed" : "load_tiles");
    for (int tile = 0; tile < 4; tile++) {
        auto at = [&](int row, int column) {
            const bf16* values;
            memcpy(&values, slots[tile * 8 + row], sizeof(void*));
            return (u32)values[column];
        };
        tiles[tile] = transposed ? at(2 * t, g) | at(2 * t + 1, g) << 16 : at(g, 2 * t) | at(g, 2 * t + 1) << 16;
    }
    // Nobody may overwrite the rows before all have read them.
    wait_warp("load_tiles, read");
}
}  // namespace emulated
DEVICE void load_tiles(u32 (&tiles)[4], const void* shared_row) { emulated::load_tiles(tiles, shared_row, false); }
DEVICE void load_tiles_transposed(u32 (&tiles)[4], const void* shared_row) {
    emulated::load_tiles(tiles, shared_row, true);
}
DEVICE void multiply_tiles(float (&sum)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    int me = threadIdx.x % 32, g = me / 4, t = me % 4;
    u8* slots[32];
    for (int i = 0; i < 32; i++) slots[i] = emulated::slot(i);
    u32 mine[6] = {a[0], a[1], a[2], a[3], b0, b1};
    memcpy(slots[me], mine, sizeof mine);
    emulated::wait_warp("multiply_tiles");
    auto half = [](u32 pair, int which) { return float_of_bits(which ? pair & 0xffff0000u : pair << 16); };
    for (int i = 0; i < 4; i++) {
        int row = g + (i / 2) * 8, column = 2 * t + i % 2;
        for (int k = 0; k < 16; k++) {
            const u32* left = (const u32*)slots[(row % 8) * 4 + (k % 8) / 2];
            const u32* right = (const u32*)slots[column * 4 + (k % 8) / 2];
            sum[i] += half(left[(k / 8) * 2 + row / 8], k % 2) * half(right[4 + k / 8], k % 2);
        }
    }
}
