// The likeliest of each row of logits, in order, and the logarithm of the sum of their exponentials: what drawing a
// token needs, so that a row need not travel to the host. Definition: ops/src/likeliest.rs. Host side: src/likeliest.rs.
//
// A block takes 4096 logits of a row, 16 a thread, which stay in registers, and finds the least that is kept bit by
// bit: 32 times it counts who is at least as large. A second pass does the same with what the first has kept.
#include "device.cuh"

static const int THREADS = 256, EACH = 16, MOST = 64;

struct Likeliest {
    const float* logits;  // [rows, columns]
    float* parts;         // [rows, count, 2 keep + 2]: logits kept, their ids, the sum of exponentials, 1 where one is no number
    float* out;           // [rows, 2 keep + 1]
    u32 rows, columns, count, keep;
};

struct Room {
    u32 counts[2][THREADS / 32];
    u32 taken;
    u32 keys[MOST], ids[MOST];
    float sums[32];
};

// A number that grows as the float does; above 0 for all but one NaN.
DEVICE u32 key_of(float x) {
    u32 bits = bits_of_float(x);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
DEVICE float value_of(u32 key) { return float_of_bits(key & 0x80000000u ? key & 0x7fffffffu : ~key); }

// The sum over the block. Two rooms take turns, so that one wait is enough.
DEVICE u32 count_block(u32 mine, Room* room, u32& turn) {
    mine = warp_sum(mine);
    turn ^= 1;
    if (lane() == 0) room->counts[turn][warp()] = mine;
    sync_block();
    u32 sum = 0;
#pragma unroll
    for (int i = 0; i < THREADS / 32; i++) sum += room->counts[turn][i];
    return sum;
}

// Of the block's keys (0: none there) the `keep` largest, of equals those with the lower ids, into the room, in order.
DEVICE void keep_largest(const u32 (&key)[EACH], const u32 (&id)[EACH], u32 keep, Room* room) {
    u32 turn = 0, least = 0;
    for (u32 bit = 1u << 31; bit; bit >>= 1) {
        u32 mine = 0;
#pragma unroll
        for (int k = 0; k < EACH; k++) mine += key[k] >= (least | bit);
        if (count_block(mine, room, turn) >= keep) least |= bit;
    }
    u32 above = 0, equal = 0;
#pragma unroll
    for (int k = 0; k < EACH; k++) {
        above += key[k] > least;
        equal += key[k] == least;
    }
    // Both in one: neither reaches 65,536.
    u32 both = count_block(above << 16 | equal, room, turn);
    u32 wanted = keep - (both >> 16), last = 0xffffffffu;
    if ((both & 0xffff) > wanted) {
        last = 0;
        for (u32 bit = 1u << 23; bit; bit >>= 1) {
            u32 mine = 0;
#pragma unroll
            for (int k = 0; k < EACH; k++) mine += key[k] == least && id[k] < (last | bit);
            if (count_block(mine, room, turn) < wanted) last |= bit;
        }
    }
    if (threadIdx.x == 0) room->taken = 0;
    sync_block();
#pragma unroll
    for (int k = 0; k < EACH; k++) {
        if (key[k] > least || (key[k] == least && id[k] <= last)) {
            u32 at = count_up(&room->taken, 1);
            // More come only where logits are no numbers.
            if (at >= keep) continue;
            room->keys[at] = key[k];
            room->ids[at] = id[k];
        }
    }
    sync_block();
    // In which order they came does not matter: each finds how many are before it.
    u32 own_key = 0, own_id = 0, before = 0;
    if (threadIdx.x < keep) {
        own_key = room->keys[threadIdx.x];
        own_id = room->ids[threadIdx.x];
        for (u32 i = 0; i < keep; i++) {
            u32 other = room->keys[i];
            before += other > own_key || (other == own_key && room->ids[i] < own_id);
        }
    }
    sync_block();
    if (threadIdx.x < keep) {
        room->keys[before] = own_key;
        room->ids[before] = own_id;
    }
    sync_block();
}

// Grid: parts, rows.
KERNEL(likeliest_parts, Likeliest, THREADS, 2) {
    SHARED Room parts_room;
    Room* room = &parts_room;
    const float* logits = p.logits + (u64)blockIdx.y * p.columns;
    u32 first = blockIdx.x * (THREADS * EACH), there = p.columns - first;
    if (there > THREADS * EACH) there = THREADS * EACH;
    u32 keep = p.keep < there ? p.keep : there;
    u32 key[EACH], id[EACH], broken = 0;
#pragma unroll
    for (int k = 0; k < EACH; k++) {
        id[k] = first + k * THREADS + threadIdx.x;
        float x = id[k] < p.columns ? logits[id[k]] : 0.0f;
        broken |= !(fabsf(x) <= 3.402823466e38f);
        key[k] = id[k] < p.columns ? key_of(x) : 0;
    }
    keep_largest(key, id, keep, room);
    float most = value_of(room->keys[0]), sum = 0.0f;
#pragma unroll
    for (int k = 0; k < EACH; k++)
        if (key[k]) sum += expf(value_of(key[k]) - most);
    sum = block_sum(sum, room->sums);
    broken = ballot(broken) != 0;
    float any = block_sum(lane() == 0 ? (float)broken : 0.0f, room->sums);
    float* out = p.parts + ((u64)blockIdx.y * p.count + blockIdx.x) * (2 * p.keep + 2);
    if (threadIdx.x < p.keep) {
        bool is = threadIdx.x < keep;
        out[threadIdx.x] = is ? value_of(room->keys[threadIdx.x]) : -INFINITY;
        out[p.keep + threadIdx.x] = is ? (float)room->ids[threadIdx.x] : 0.0f;
    }
    if (threadIdx.x == 0) {
        out[2 * p.keep] = sum;
        out[2 * p.keep + 1] = any > 0.0f ? 1.0f : 0.0f;
    }
}

// Grid: rows. At most 4096 logits were kept.
KERNEL(likeliest_rows, Likeliest, THREADS, 2) {
    SHARED Room rows_room;
    Room* room = &rows_room;
    u32 width = 2 * p.keep + 2, there = p.count * p.keep;
    const float* parts = p.parts + (u64)blockIdx.x * p.count * width;
    u32 key[EACH], id[EACH];
#pragma unroll
    for (int k = 0; k < EACH; k++) {
        u32 at = k * THREADS + threadIdx.x;
        key[k] = id[k] = 0;
        if (at >= there) continue;
        const float* part = parts + (u64)(at / p.keep) * width;
        float x = part[at % p.keep];
        id[k] = (u32)part[p.keep + at % p.keep];
        key[k] = x == -INFINITY ? 0 : key_of(x);
    }
    keep_largest(key, id, p.keep, room);
    float most = value_of(room->keys[0]), sum = 0.0f, broken = 0.0f;
    for (u32 i = threadIdx.x; i < p.count; i += THREADS) {
        const float* part = parts + (u64)i * width;
        sum += part[2 * p.keep] * expf(part[0] - most);
        broken += part[2 * p.keep + 1];
    }
    sum = block_sum(sum, room->sums);
    broken = block_sum(broken, room->sums);
    float* out = p.out + (u64)blockIdx.x * (2 * p.keep + 1);
    if (threadIdx.x < p.keep) {
        out[threadIdx.x] = value_of(room->keys[threadIdx.x]);
        out[p.keep + threadIdx.x] = (float)room->ids[threadIdx.x];
    }
    if (threadIdx.x == 0) out[2 * p.keep] = broken > 0.0f ? float_of_bits(0x7fc00000u) : most + logf(sum);
}
