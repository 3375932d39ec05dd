// Runs kernels on a processor, one block after another, each thread of a block as a fiber. Not fast; strict. See device.h.
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

#define LOOKDESK_EMULATED
#include "device.cuh"

// Filled with NaN before every block: see SHARED.
extern u8 __start_emulated_shared[] __attribute__((weak)), __stop_emulated_shared[] __attribute__((weak));

namespace emulated {
Index3 thread, block, block_size, grid;

namespace {
constexpr size_t STACK = 128 << 10;
constexpr u32 MOST_THREADS = 1024;
// What a block may have on every card from sm_80 on.
constexpr u32 MOST_DYNAMIC = 99 << 10;

struct Copy { void* to; const void* from; bool valid; };
struct Fiber {
    ucontext_t start;
    jmp_buf at;
    u8* stack = nullptr;
    bool started = false, done = true;
    const char* waits = nullptr;  // for whom, in words
    int* for_round = nullptr;     // runs on when this differs from `round`
    int round = 0;
    std::vector<std::vector<Copy>> groups;
};
struct Warp {
    int round = 0, arrived = 0, lanes = 0, ended = 0;
    const char* what = nullptr;
    alignas(16) u8 slots[2][32][64];
};

std::vector<Fiber> fibers(MOST_THREADS);
std::vector<Warp> warps(MOST_THREADS / 32);
alignas(128) u8 dynamic[MOST_DYNAMIC];
int block_round, block_arrived, block_ended;
jmp_buf scheduler;
u32 current;
const Kernel* running;
const void* params;
std::string message;
Kernel* kernels;
std::minstd_rand chance(1);

Warp& own_warp() { return warps[current / 32]; }

[[noreturn]] void leave() { _longjmp(scheduler, 1); }

void pause(int* for_round, const char* waits) {
    Fiber& fiber = fibers[current];
    fiber.for_round = for_round;
    fiber.round = *for_round;
    fiber.waits = waits;
    if (!_setjmp(fiber.at)) leave();
}

void body() {
    for (;;) {
        running->run(params);
        Fiber& fiber = fibers[current];
        for (auto& group : fiber.groups)
            if (!group.empty()) fail("a thread ended with asynchronous copies that nobody waited for");
        fiber.done = true;
        own_warp().ended++;
        block_ended++;
        if (!_setjmp(fiber.at)) leave();
    }
}

// A fiber that failed is in the middle of a kernel: all start anew.
void forget_fibers() {
    for (Fiber& fiber : fibers) fiber.started = false;
}

void enter(u32 index) {
    Fiber& fiber = fibers[index];
    current = index;
    thread = {index, 0, 0};
    if (fiber.started) _longjmp(fiber.at, 1);
    fiber.started = true;
    if (!fiber.stack) fiber.stack = (u8*)malloc(STACK);
    getcontext(&fiber.start);
    fiber.start.uc_stack.ss_sp = fiber.stack;
    fiber.start.uc_stack.ss_size = STACK;
    fiber.start.uc_link = nullptr;
    makecontext(&fiber.start, (void (*)())body, 0);
    setcontext(&fiber.start);
    abort();
}

void start_block(u32 threads) {
    memset(dynamic, 0xff, sizeof dynamic);
    if (__start_emulated_shared) memset(__start_emulated_shared, 0xff, __stop_emulated_shared - __start_emulated_shared);
    block_round = block_arrived = block_ended = 0;
    for (u32 i = 0; i < threads; i++) {
        Fiber& fiber = fibers[i];
        fiber.done = false;
        fiber.for_round = nullptr;
        fiber.groups.assign(1, {});
    }
    for (u32 i = 0; i < (threads + 31) / 32; i++) {
        warps[i].round = warps[i].arrived = warps[i].ended = 0;
        warps[i].lanes = std::min(32u, threads - i * 32);
    }
}

void run_block(u32 threads) {
    start_block(threads);
    std::vector<u32> order(threads);
    for (u32 i = 0; i < threads; i++) order[i] = i;
    static volatile size_t next;
    static bool moved, left;
    for (;;) {
        std::shuffle(order.begin(), order.end(), chance);
        moved = false;
        left = false;
        for (next = 0; next < threads; next = next + 1) {
            Fiber& fiber = fibers[order[next]];
            if (fiber.done) continue;
            left = true;
            if (fiber.for_round && *fiber.for_round == fiber.round) continue;
            fiber.for_round = nullptr;
            moved = true;
            if (!_setjmp(scheduler)) enter(order[next]);
            if (!message.empty()) return;
        }
        if (!left) return;
        if (!moved) {
            for (u32 i = 0; i < threads; i++)
                if (!fibers[i].done) {
                    message = "thread " + std::to_string(i) + " waits for ever: " + fibers[i].waits + " (" +
                              std::to_string(block_ended) + " of " + std::to_string(threads) + " threads ended)";
                    return;
                }
        }
    }
}
}  // namespace

void fail(const char* what) {
    message = std::string(what) + ", thread " + std::to_string(thread.x);
    leave();
}

void wait_warp(const char* what) {
    Warp& warp = own_warp();
    if (warp.ended) fail("a lane has ended that others wait for");
    if (warp.arrived && warp.what != what && strcmp(warp.what, what)) fail("lanes of a warp meet in different collectives");
    warp.what = what;
    if (++warp.arrived == warp.lanes) {
        warp.arrived = 0;
        warp.round++;
    } else {
        pause(&warp.round, what);
    }
}

void wait_block() {
    if (block_ended) fail("a thread has ended that others wait for");
    if (++block_arrived == (int)block_size.x) {
        block_arrived = 0;
        block_round++;
    } else {
        pause(&block_round, "sync_block");
    }
}

u8* slot(int lane) {
    Warp& warp = own_warp();
    return warp.slots[warp.round & 1][lane];
}

u8* dynamic_memory() { return dynamic; }
void later(void* to, const void* from, bool valid) { fibers[current].groups.back().push_back({to, from, valid}); }
void commit() { fibers[current].groups.emplace_back(); }
void wait(int left) {
    auto& groups = fibers[current].groups;
    // The last group is still open.
    int ready = (int)groups.size() - 1 - left;
    for (int i = 0; i < ready; i++)
        for (const Copy& copy : groups[i]) copy.valid ? memcpy(copy.to, copy.from, 16) : memset(copy.to, 0, 16);
    if (ready > 0) groups.erase(groups.begin(), groups.begin() + ready);
}

Kernel::Kernel(const char* name, u32 params, u32 most_threads, void (*run)(const void*))
    : name(name), params(params), most_threads(most_threads), run(run), next(kernels) {
    kernels = this;
}
}  // namespace emulated

#include "kernels.inc"  // every .cu file, written by build.rs

// Returns null, or what went wrong; the text is good until the next launch. Not for several threads at once.
extern "C" const char* lookdesk_emulated_launch(const char* name, u32 x, u32 y, u32 z, u32 threads, u32 dynamic_bytes,
                                                const void* given, size_t given_bytes) {
    using namespace emulated;
    message.clear();
    const Kernel* kernel = kernels;
    while (kernel && strcmp(kernel->name, name)) kernel = kernel->next;
    auto wrong = [&](const char* what) { return (message = std::string(name) + ": " + what).c_str(); };
    if (!kernel) return wrong("no such kernel");
    if (kernel->params != given_bytes) return wrong("the host's struct of parameters has another size");
    if (!threads || threads > kernel->most_threads || threads % 32) return wrong("that many threads cannot be started");
    if (dynamic_bytes > MOST_DYNAMIC) return wrong("more shared memory than a block may have");
    if (!x || !y || !z || y > 65535 || z > 65535) return wrong("an empty or too large grid");
    running = kernel;
    params = given;
    grid = {x, y, z};
    block_size = {threads, 1, 1};
    for (u32 k = 0; k < z; k++)
        for (u32 j = 0; j < y; j++)
            for (u32 i = 0; i < x; i++) {
                block = {i, j, k};
                run_block(threads);
                for (u32 at = dynamic_bytes; message.empty() && at < MOST_DYNAMIC; at++)
                    if (dynamic[at] != 0xff) message = "it wrote beyond its dynamic shared memory";
                if (!message.empty()) {
                    forget_fibers();
                    return wrong((message + ", block " + std::to_string(i) + "," + std::to_string(j) + "," + std::to_string(k)).c_str());
                }
            }
    return nullptr;
}
