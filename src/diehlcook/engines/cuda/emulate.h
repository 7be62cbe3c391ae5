// A GPU of one thread, to test the kernel without one: the threads of a cluster are fibers, which take turns at barriers.
#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <vector>

#define DEVICE
#define ANYWHERE
#define SHARED_MEMORY (fibers::cluster->memory[fibers::self->rank].data())

namespace fibers {
struct Meeting {  // of all threads of a warp, a block or a cluster
    int expected = 0, arrived = 0, generation = 0;
};
struct Fiber {
    ucontext_t context;
    jmp_buf at;
    std::vector<char> stack;
    int thread, rank;
    bool begun = false, ended = false;
};
struct Cluster {
    std::vector<Fiber> all;
    std::vector<Meeting> warps, blocks;
    Meeting whole;
    std::vector<std::vector<double>> memory;
    std::vector<double> exchange;
    int threads, size, index, count;
};
// of this thread of the processor: engines work at the same time
static thread_local Cluster* cluster;
static thread_local Fiber* self;
static thread_local jmp_buf scheduler;
static thread_local void (*body)();

inline void leave() {
    if (!_setjmp(self->at)) _longjmp(scheduler, 1);
}
inline void meet(Meeting& meeting) {
    const int mine = meeting.generation;
    if (++meeting.arrived == meeting.expected) {
        meeting.arrived = 0;
        meeting.generation++;
        return;
    }
    while (meeting.generation == mine) leave();
}
inline void start() {
    body();
    self->ended = true;
    _longjmp(scheduler, 1);
}
inline void run(Cluster& one, void (*what)()) {
    cluster = &one;
    body = what;
    for (size_t left = one.all.size(); left;)
        for (Fiber& fiber : one.all) {
            if (fiber.ended) continue;
            self = &fiber;
            if (!_setjmp(scheduler)) {
                if (fiber.begun) _longjmp(fiber.at, 1);
                fiber.begun = true;
                getcontext(&fiber.context);
                fiber.context.uc_stack.ss_sp = fiber.stack.data();
                fiber.context.uc_stack.ss_size = fiber.stack.size();
                fiber.context.uc_link = nullptr;
                makecontext(&fiber.context, start, 0);
                setcontext(&fiber.context);
            }
            if (self->ended) left--;
        }
}
inline Meeting& warp() { return cluster->warps[self->rank * (cluster->threads / 32) + self->thread / 32]; }
inline double* lanes() { return &cluster->exchange[(self->rank * cluster->threads + self->thread) / 32 * 32]; }
}  // namespace fibers

#define THREAD (fibers::self->thread)
#define THREADS (fibers::cluster->threads)
#define BLOCK (fibers::cluster->index * fibers::cluster->size + fibers::self->rank)
#define BLOCKS (fibers::cluster->count * fibers::cluster->size)
#define RANK (fibers::self->rank)

template <typename T> inline T from_lane(T x, int lane) {
    double* const lanes = fibers::lanes();
    memcpy(&lanes[THREAD & 31], &x, sizeof x);
    fibers::meet(fibers::warp());
    T other;
    memcpy(&other, &lanes[lane & 31], sizeof x);
    fibers::meet(fibers::warp());
    return other;
}
template <typename T> inline T shuffle(T x, int lane) { return from_lane(x, lane); }
template <typename T> inline T shuffle_up(T x, int d) {
    const int lane = THREAD & 31;
    return from_lane(x, lane < d ? lane : lane - d);
}
template <typename T> inline T shuffle_xor(T x, int d) { return from_lane(x, (THREAD & 31) ^ d); }
inline unsigned int vote(bool one) {
    double* const lanes = fibers::lanes();
    lanes[THREAD & 31] = one;
    fibers::meet(fibers::warp());
    unsigned int votes = 0;
    for (int k = 0; k < 32; k++) votes |= (unsigned int)(lanes[k] != 0.0) << k;
    fibers::meet(fibers::warp());
    return votes;
}
inline unsigned int sum_over_warp(unsigned int x) {
    for (int d = 16; d > 0; d /= 2) x += shuffle_xor(x, d);
    return x;
}
inline int popcount(unsigned int x) { return __builtin_popcount(x); }
inline int first_bit(unsigned int x) { return __builtin_ctz(x); }
inline void block_barrier() { fibers::meet(fibers::cluster->blocks[RANK]); }
inline void cluster_barrier() { fibers::meet(fibers::cluster->whole); }
template <typename T> inline T* of_block(T* mine, int rank) {
    char* const from = (char*)fibers::cluster->memory[RANK].data();
    return (T*)((char*)fibers::cluster->memory[rank].data() + ((char*)mine - from));
}
template <typename T> inline T add_to(T* where, T x) {
    const T before = *where;
    *where += x;
    return before;
}
inline void copy_16_bytes(void* to, const void* from) { memcpy(to, from, 16); }
inline void wait_a_little() { fibers::leave(); }
