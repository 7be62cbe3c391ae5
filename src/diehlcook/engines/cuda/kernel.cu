// Many networks at once on a GPU, presentation by presentation: the equations of neurons.py, rules.py, connections.py
// and protocol.py, in the order of engines/fused/presentation.py, which says why it may be laid out this way.
//
// A network is a cluster of blocks, a neuron a thread; a job is a network and the images to show it. What differs from
// the kernel for a processor:
//
// - In every time step two kinds of warps work side by side: those of excitatory neurons, a thread each, and those of
//   inhibitory neurons, whose threads also send the input events of the next step to their partners. All blocks of a
//   network meet once in every step, because an inhibitory spike reaches all neurons.
// - What the input adds to a conductance stands in a ring of time steps in shared memory: an event is read once, when
//   it is sent, for all the neurons whose weights do not change before it arrives.
// - A neuron whose weights may change is tracked: its arrivals are followed step by step by an excitatory warp, which
//   looks through the events that are under way. Its column of weights lies in shared memory while there is room.
// - What differs from rule to rule is settled when the kernel is compiled: see `variant` in library.py.
//
// With EMULATE the same text is a program for a processor: see emulate.h. `constants.h` and `variant.h` are made from what
// engines/fused/arrays.py says.

#include <cstdint>
#ifdef EMULATE
#include "emulate.h"
#else
#include "device.h"
#endif
#include "constants.h"
#include "variant.h"

// Loops are not unrolled unless it pays: code that is not in the instruction cache takes longer to fetch than to run.
// What is the same for all threads of a block stands in shared memory rather than in registers, which are few: a variable
// that does not fit goes to the stack, and that is slow, because shared memory leaves next to nothing of the cache.
#define LOOP _Pragma("unroll 1") for

typedef long long i64;
typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

const int CHECK = 10;       // steps between looks whether a presentation is over
const int AHEAD = 4;        // events whose weights are under way at the same time
const int AT_A_LOOK = 4;    // events that a lane looks at together when it tracks a neuron
const double SMALL = 0.03;  // up to here a polynomial gives the exponential
const int MOST_BLOCKS = 16;  // of a network
const u64 GAMMA = 0x9E3779B97F4A7C15ULL;

// How the networks of a launch are laid out.
struct Sizes {
    int n_input, n_exc;
    int cluster;        // blocks of a network
    int local;          // neurons of a block
    int longest;        // longest delay in steps
    int ring;           // time steps of the ring: longest + 2
    int columns;        // columns of weights with room in shared memory
    int stride;         // room for the events of an input: stimulus_steps, rounded up to 8
    double last_level;  // what is left of theta after a presentation
    double at_rest;     // what is left of the potential of an inhibitory neuron after a step without input
};

// A network, and what to show it; fields of the network as in engines/fused/arrays.py, weights and delays (n_input, n_exc).
struct Job {
    double *v, *ge, *gi, *theta, *x_post1, *x_post2, *v_inh, *ge_inh;
    i64 *refractory_until, *locked_until, *spiked, *refractory_until_inh, *spiked_inh;
    double *x0, *rate, *w_total, *w_squares, *w_factor;
    u8 *over;
    double *w;
    u8 *delay;
    double *reach;
    i64 *counters;
    double *intensity;  // of the last presentation
    u8 *images;
    i64 n_images, first_position, presentations, room;  // room: for so many spikes
    i64 *position;      // of each presentation, and so on
    int *attempt;
    double *intensities;
    double *parts;      // (presentation, block, 4)
    i64 *step;          // of each spike
    int *neuron;
    i64 *done;          // presentations, and spikes of each block: each has its part of the room
};

// Room of a block in device memory.
struct Scratch {
    u32 *masks;   // (steps, words of 32): which of the active inputs send an event, where the ring has no room for it
    u32 *events;  // step << 16 | input
    u16 *sent;    // (n_input, stride): steps of the events of an input
    double *trace;  // (n_input, stride): trace as each leaves it, if pairing is all-to-all
};

// Where a block is in its work.
struct Protocol {
    i64 position;
    u64 key;
    double intensity;
    int attempt, n_spikes, n_rest_spikes, done;
    int unknown, normalising, repeated;
};

enum { POSITION, ATTEMPT, N_SPIKES, N_REST_SPIKES, KEY, NORMALISING, STREAM };

DEVICE inline u64 mix(u64 z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}
DEVICE inline u64 fold(u64 key, u64 value) { return mix(mix(key + GAMMA) ^ value); }
DEVICE inline int later(i64 one, int other) { return one > other ? (int)one : other; }
DEVICE inline double clipped(double w, double w_max) { return fmin(fmax(w, 0.0), w_max); }

// exp(x) for x <= 0: near 0 the Taylor polynomial of degree 7, as in engines/fused/exponential.py.
DEVICE inline double exponential(double x) {
    if (x < -SMALL) return exp(x);
    double p = 1.0 / 5040.0;
    p = fma(p, x, 1.0 / 720.0);
    p = fma(p, x, 1.0 / 120.0);
    p = fma(p, x, 1.0 / 24.0);
    p = fma(p, x, 1.0 / 6.0);
    p = fma(p, x, 0.5);
    p = fma(p, x, 1.0);
    return fma(p, x, 1.0);
}

// The postsynaptic part of the rule for one synapse: weight `old`, presynaptic trace `x`, slow trace of the neuron `slow`.
DEVICE inline double learned(const Constants& c, double old, double x, double slow) {
    double change;
    if (RULE == EXPONENTIAL) change = x * exp(-c.beta * old) - c.x_tar * exp(-c.beta * (c.w_max - old));
    else if (RULE == RECTANGULAR)
        change = x > c.ltp_trace ? exp(-c.beta * old) : -(c.x_tar * exp(-c.beta * (c.w_max - old)));
    else if (RULE == POWER_LAW || RULE == PRE_AND_POST) change = (x - c.x_tar) * pow(c.w_max - old, c.mu);
    else change = x * slow;
    return clipped(old + c.eta_post * change, c.w_max);
}

// Trace of an input at step `when`, from its `n` events in this presentation and its trace `start` at step 0.
DEVICE inline double trace_at(const Constants& c, const u16* sent, const double* trace, int n, double start, int when) {
    int before = 0, last = 0;  // events until then, and the step of the last of them
    LOOP (int k = 0; k < n; k += 8) {
        u16 steps[8];
        copy_16_bytes(steps, sent + k);
#pragma unroll
        for (int m = 0; m < 8; m++)
            if (k + m < n && steps[m] <= when) before++, last = steps[m];
    }
    if (before == 0) return start * exp(-c.dt_over_tau_pre * (double)when);
    const double left = ALL_TO_ALL ? trace[before - 1] : 1.0;
    return left * exp(-c.dt_over_tau_pre * (double)(when - last));
}

// Let a postsynaptic trace decay a step.
DEVICE inline double decayed(double x, double decay) {
    x *= decay;
    return x < CUT ? 0.0 : x;
}

// What a block shares, field by field: type and number. What is told in a step stands in four copies that take turns: one is
// cleared two steps ahead.
#define SHARED(FIELD) \
    FIELD(job, Job, 1) \
    FIELD(room, Scratch, 1) \
    FIELD(protocol, Protocol, 1) \
    FIELD(ring, double, z.ring * z.local) \
    FIELD(columns, double, z.columns * z.n_input) \
    FIELD(x0, double, z.n_input) \
    FIELD(traces, double, 2 * z.local) \
    FIELD(slow, double, z.local) \
    FIELD(arrived, double, 2 * z.local) \
    FIELD(part, double, 4 * n_warps) \
    FIELD(limit, u64, z.n_input) \
    FIELD(fired, u32, 4 * n_warps) \
    FIELD(fired_inh, u32, 4 * n_warps) \
    FIELD(chosen, u32, n_warps) \
    FIELD(first_of_step, int, steps + 1) \
    FIELD(any_fired, int, 4) \
    FIELD(told, u32, 4) \
    FIELD(mail, u64, 2 * MOST_BLOCKS) \
    FIELD(n_recorded, int, 1) \
    FIELD(n_tracked, int, 1) \
    FIELD(n_active, int, 1) \
    FIELD(inputs, u16, z.n_input) \
    FIELD(sent_of, u16, z.n_input) \
    FIELD(list, u16, z.local) \
    FIELD(row, short, z.local) \
    FIELD(column_delay, u8, z.columns * z.n_input)

// Where the fields begin; a struct of pointers would take the registers of every thread.
struct Offsets {
#define FIELD(name, type, number) int name;
    SHARED(FIELD)
#undef FIELD
    int bytes;
};

inline Offsets offsets(const Sizes& z, int n_warps, int steps) {
    Offsets at;
    int end = 0;
#define FIELD(name, type, number) at.name = end; end += (int)((sizeof(type) * (number) + 7) / 8 * 8);
    SHARED(FIELD)
#undef FIELD
    at.bytes = end;
    return at;
}

struct Shared {
    const Offsets& at;
#define FIELD(name, type, number) DEVICE type* name() const { return (type*)((u8*)SHARED_MEMORY + at.name); }
    SHARED(FIELD)
#undef FIELD
};

// Draw the input events of a presentation: those of each step, inputs ascending, and those of each input.
DEVICE inline void draw_events(const Constants& c, const Sizes& z, const Offsets& at) {
    const Shared s = {at};
    const Job& job = *s.job();
    const Scratch& room = *s.room();
    const u8* const image = job.images + (s.protocol()->position - job.first_position) * z.n_input;
    const u64 key = s.protocol()->key;
    const double intensity = s.protocol()->intensity;
    const int rank = RANK;
    const int tid = THREAD, n_threads = THREADS, lane = tid & 31, warp = tid >> 5, n_warps = n_threads >> 5;
    const int steps = (int)c.stimulus_steps, n_input = z.n_input;
    if (warp == 0) {
        int n = 0;
        LOOP (int base = 0; base < n_input; base += 32) {
            const int i = base + lane;
            double rate = 0.0;
            if (i < n_input) {
                rate = image[i] * c.pixel_rate * intensity + c.noise_rate;
                s.sent_of()[i] = 0;
                if (rank == 0) job.rate[i] = rate;
            }
            const u32 on = vote(rate > 0.0);
            if (rate > 0.0) {
                const int a = n + popcount(on & ((1u << lane) - 1));
                s.inputs()[a] = (u16)i;
                s.limit()[a] = (u64)fmin(ceil(rate * c.dt * 9007199254740992.0), 9007199254740992.0);
            }
            n += popcount(on);
        }
        if (lane == 0) *s.n_active() = n;
    }
    block_barrier();
    const int n_active = *s.n_active(), words = (n_active + 31) / 32;
    u32* const masks = words * steps <= 2 * z.ring * z.local ? (u32*)s.ring() : room.masks;
    const u64 stride = (u64)n_input * GAMMA;
    LOOP (int step = warp; step < steps; step += n_warps) {
        int n = 0;
        LOOP (int word = 0; word < words; word++) {
            const int a = word * 32 + lane;
            const bool sends = a < n_active
                && (mix(key + (u64)(s.inputs()[a] + 1) * GAMMA + (u64)step * stride) >> 11) < s.limit()[a];
            const u32 mask = vote(sends);
            if (lane == 0) masks[step * words + word] = mask;
            n += popcount(mask);
        }
        if (lane == 0) s.first_of_step()[step + 1] = n;
    }
    block_barrier();
    if (warp == 0) {
        int before = 0;
        if (lane == 0) s.first_of_step()[0] = 0;
        LOOP (int base = 1; base <= steps; base += 32) {
            const int k = base + lane;
            int n = k <= steps ? s.first_of_step()[k] : 0;
            LOOP (int d = 1; d < 32; d *= 2) {
                const int other = shuffle_up(n, d);
                if (lane >= d) n += other;
            }
            n += before;
            if (k <= steps) s.first_of_step()[k] = n;
            before = shuffle(n, 31);
        }
    }
    block_barrier();
    LOOP (int step = warp; step < steps; step += n_warps) {
        int at = s.first_of_step()[step];
        LOOP (int word = 0; word < words; word++) {
            const u32 mask = masks[step * words + word];
            if ((mask >> lane) & 1)
                room.events[at + popcount(mask & ((1u << lane) - 1))] = ((u32)step << 16) | s.inputs()[word * 32 + lane];
            at += popcount(mask);
        }
    }
    if (LEARNING) {
        LOOP (int a = tid; a < n_active; a += n_threads) {
            const int i = s.inputs()[a];
            u16* const sent = room.sent + i * z.stride;
            int n = 0;
#pragma unroll 8
            for (int step = 0; step < steps; step++)
                if ((masks[step * words + (a >> 5)] >> (a & 31)) & 1) sent[n++] = (u16)step;
            s.sent_of()[i] = (u16)n;
            if (ALL_TO_ALL) {
                double x = s.x0()[i] * job.reach[i];
                int last = 0;
                LOOP (int k = 0; k < n; k++) {
                    x = c.all_to_all * x * exp(-c.dt_over_tau_pre * (double)(sent[k] - last)) + 1.0;
                    last = sent[k];
                    room.trace[i * z.stride + k] = x;
                }
            }
        }
    }
}

// What the blocks of a network tell one another in a step: three numbers, which add up over blocks.
const u32 SPIKE = 1, SPIKE_INH = 1 << 13, ACTIVE = 1 << 26;
DEVICE inline int spikes_of(u32 told) { return told % SPIKE_INH; }
DEVICE inline int spikes_inh_of(u32 told) { return told % ACTIVE / SPIKE_INH; }

// Wait for all threads of the network; return the sum of what they told (`s.told`), which is counted by `tick`.
//
// A message carries all that another block has to know, so that no other memory has to be made visible to it: a barrier
// of a cluster would wait for that. A box is filled again two steps later: by then its owner has read it.
DEVICE inline u32 exchange(const Sizes& z, const Shared& s, u32& tick) {
    const int copy = tick & 3;
    tick++;
    block_barrier();
    if (THREAD == 0) s.told()[(copy + 2) & 3] = s.any_fired()[(copy + 2) & 3] = 0;
    if (z.cluster == 1) return s.told()[copy];
    const int lane = THREAD & 31, box = (copy & 1) * MOST_BLOCKS;
    u64 message = 0;
    if (lane < z.cluster) {
        if (THREAD < 32) *(volatile u64*)of_block(&s.mail()[box + RANK], lane) = (u64)tick << 32 | s.told()[copy];
        while ((u32)((message = *(volatile u64*)&s.mail()[box + lane]) >> 32) != tick) wait_a_little();
    }
    return sum_over_warp((u32)message);
}

// Wait for all threads of the network, and for what they wrote.
DEVICE inline void network_barrier(const Sizes& z) {
    if (z.cluster == 1) block_barrier(); else cluster_barrier();
}

// Sum the weights of neuron `j` and scale them if `normalising`: the work of a warp.
DEVICE inline void normalise(const Constants& c, const Sizes& z, const Offsets& at, int j) {
    const Shared s = {at};
    const Job& job = *s.job();
    const bool normalising = s.protocol()->normalising;
    const int lane = THREAD & 31, n_input = z.n_input;
    double total = 0.0, squares = 0.0, largest = 0.0;
#pragma unroll 4
    for (int i = lane; i < n_input; i += 32) {
        const double x = job.w[i * z.n_exc + j];
        total += x;
        squares += x * x;
        largest = fmax(largest, x);
    }
    LOOP (int d = 16; d > 0; d /= 2) {
        total += shuffle_xor(total, d);
        squares += shuffle_xor(squares, d);
        largest = fmax(largest, shuffle_xor(largest, d));
    }
    const double factor = normalising ? c.weight_sum / (total != 0.0 ? total : 1.0) : 1.0;
    bool over = !normalising && largest > c.w_max;
    if (normalising) {
#pragma unroll 4
        for (int i = lane; i < n_input; i += 32) {
            const double x = job.w[i * z.n_exc + j] * factor;
            job.w[i * z.n_exc + j] = x;
            over |= x > c.w_max;
        }
        over = vote(over) != 0;
    }
    if (lane == 0) {
        job.w_total[j] = total;
        job.w_squares[j] = squares;
        job.w_factor[j] = factor;
        job.over[j] = over;
    }
}

// Advance an inhibitory neuron a step; return whether it spikes.
DEVICE inline bool advance_inhibitory(const Constants& c, bool refractory, double at_rest, double& v, double& ge, bool& awake) {
    bool fires = false;
    if (!refractory) {
        if (EULER) v += c.step_inh * (c.v_rest_inh - v + ge * (c.e_exc - v));
        else if (ge < NOTHING) v = c.v_rest_inh + (v - c.v_rest_inh) * at_rest;
        else {
            const double end = (c.v_rest_inh + ge * c.e_exc) / (1.0 + ge);
            v = end + (v - end) * exp(-c.step_inh * (1.0 + ge));
        }
        fires = v > c.v_thresh_inh;
    }
    ge *= c.decay_ge;
    if (ge < FLUSH) ge = 0.0;
    if (ge == 0.0 && fabs(v - c.v_rest_inh) < SETTLED) v = c.v_rest_inh, awake = false;
    return fires;
}

// Let the traces of the inputs decay from the start of the last presentation to that of this one.
DEVICE inline void decay_inputs(const Constants& c, const Sizes& z, const Offsets& at) {
    const Shared s = {at};
    const double across = exp(-(double)c.presentation_steps * c.dt_over_tau_pre);
    LOOP (int i = THREAD; i < z.n_input; i += THREADS) s.x0()[i] *= across;
}

// Add the events of a presentation to the traces of the inputs.
DEVICE inline void trace_inputs(const Constants& c, const Sizes& z, const Offsets& at) {
    const Shared s = {at};
    LOOP (int i = THREAD; i < z.n_input; i += THREADS) {
        const int n = s.sent_of()[i];
        double x0 = s.x0()[i];
        LOOP (int k = ALL_TO_ALL || n == 0 ? 0 : n - 1; k < n; k++) {
            const double when = (double)(s.room()->sent[i * z.stride + k] + s.job()->delay[i * z.n_exc]);
            x0 = c.all_to_all * x0 + exp(c.dt_over_tau_pre * when);
        }
        s.x0()[i] = x0;
    }
}

// Copy the weights and delays of neuron `j` to row `r` of shared memory.
DEVICE inline void fetch_column(const Sizes& z, const Offsets& at, int j, int r) {
    const Shared s = {at};
    LOOP (int i = THREAD; i < z.n_input; i += THREADS) {
        s.columns()[r * z.n_input + i] = s.job()->w[i * z.n_exc + j];
        s.column_delay()[r * z.n_input + i] = s.job()->delay[i * z.n_exc + j];
    }
}

// Copy the weights back.
DEVICE inline void return_column(const Sizes& z, const Offsets& at, int j, int r) {
    const Shared s = {at};
    LOOP (int i = THREAD; i < z.n_input; i += THREADS) s.job()->w[i * z.n_exc + j] = s.columns()[r * z.n_input + i];
}

// Let neuron `one` of the block, in row `r`, learn from its spike: the work of all threads. `begins`: it is not tracked yet.
DEVICE inline void learn(const Constants& c, const Sizes& z, const Offsets& at, int step, int one, int r, bool begins) {
    const Shared s = {at};
    const Scratch& room = *s.room();
    double* const weights = s.job()->w;
    const bool near = r < z.columns, from_near = near && !begins;
    LOOP (int i = THREAD; i < z.n_input; i += THREADS) {
        const int far_at = i * z.n_exc + RANK * z.local + one, near_at = r * z.n_input + i;
        const int delay = from_near ? s.column_delay()[near_at] : s.job()->delay[far_at];
        const double old = from_near ? s.columns()[near_at] : weights[far_at];
        const double start = s.x0()[i] * s.job()->reach[i];
        const int first = i * z.stride, n = s.sent_of()[i];
        const double x = trace_at(c, room.sent + first, room.trace + first, n, start, step - delay);
        const double w = learned(c, old, x, s.slow()[one]);
        if (near) {
            s.columns()[near_at] = w;
            s.column_delay()[near_at] = (u8)delay;
        } else weights[far_at] = w;
    }
}

// Follow what arrives in a step at the neuron in row `r`: the work of a warp.
DEVICE inline void track(const Constants& c, const Sizes& z, const Shared& s, int step, int r, int begin) {
    const int lane = THREAD & 31, half = step & 1, stimulus = (int)c.stimulus_steps;
    const int from = step - z.longest > 0 ? step - z.longest : 0;
    const int first = s.first_of_step()[from < stimulus ? from : stimulus];
    const int end = s.first_of_step()[step + 1 < stimulus ? step + 1 : stimulus];
    const u32* const events = s.room()->events;
    const bool near = r < z.columns;
    double* const weights = near ? s.columns() + r * z.n_input : s.job()->w + begin + s.list()[r];
    const u8* const delays = near ? s.column_delay() + r * z.n_input : s.job()->delay + begin + s.list()[r];
    const int apart = near ? 1 : z.n_exc;
    const double trace = TRACED ? decayed(s.traces()[(1 - half) * z.local + r], c.decay_post1) : 0.0;
    double sum = 0.0;
    LOOP (int e = first; e < end; e += 32 * AT_A_LOOK) {
        int input[AT_A_LOOK], delay[AT_A_LOOK];
#pragma unroll
        for (int k = 0; k < AT_A_LOOK; k++) {
            const int place = e + k * 32 + lane;
            const u32 event = place < end ? events[place] : 0;
            input[k] = (int)(event & 0xffff) * apart;
            delay[k] = place < end ? step - (int)(event >> 16) : -1;  // that it would have to have
        }
#pragma unroll
        for (int k = 0; k < AT_A_LOOK; k++)
            if (delay[k] >= 0 && delay[k] != delays[input[k]]) delay[k] = -1;
#pragma unroll
        for (int k = 0; k < AT_A_LOOK; k++) {
            const bool arrived = delay[k] >= 0;
            double old = 0.0;
            if (arrived) {
                old = weights[input[k]];
                if (TRACED) {
                    double change = c.eta_pre * trace;
                    if (RULE == PRE_AND_POST) change *= pow(old, c.mu);
                    weights[input[k]] = clipped(old - change, c.w_max);
                }
            }
            LOOP (u32 left = vote(arrived); left; left &= left - 1) sum += shuffle(old, first_bit(left));
        }
    }
    if (lane == 0) s.arrived()[half * z.local + r] = sum;
}

// Let the events from `begin` to `end` come to the ring of a neuron: `offset` is the place of step 0 in it.
DEVICE inline void send(const Sizes& z, const Shared& s, int begin, int end, int offset, int j, int q) {
    const u32* const events = s.room()->events;
    const double* const weights = s.job()->w + j;
    const u8* const delays = s.job()->delay + j;
    LOOP (int e = begin; e < end; e += AHEAD) {
        double w[AHEAD];
        int place[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; k++)
            if (e + k < end) {
                const u32 event = events[e + k];
                const int synapse = (int)(event & 0xffff) * z.n_exc;
                w[k] = weights[synapse];
                place[k] = (int)(event >> 16) + offset + delays[synapse];
            }
#pragma unroll
        for (int k = 0; k < AHEAD; k++)
            if (e + k < end) {
                if (place[k] >= z.ring) place[k] -= z.ring;
                s.ring()[place[k] * z.local + q] += w[k];
            }
    }
}

DEVICE void show(const Constants& c, const Sizes& z, const Offsets& at, const Job& given, const Scratch& room) {
    const int tid = THREAD, n_threads = THREADS, lane = tid & 31, warp = tid >> 5, n_warps = n_threads >> 5;
    const int rank = RANK, blocks = z.cluster, n_input = z.n_input, local = z.local, n_exc = z.n_exc;
    const int steps = (int)c.presentation_steps, stimulus = (int)c.stimulus_steps, ring = z.ring;
    const int longest = z.longest, arriving = stimulus + longest < steps ? stimulus + longest : steps;
    // --- who does what
    const int groups = n_warps / 2;  // warps of either kind of neuron
    const bool excitatory = warp < groups;
    const int group = excitatory ? warp : warp - groups;
    const int q = group * 32 + lane, begin = rank * local, j = begin + q;  // neuron of the block, and of the network
    const bool mine = q < local && j < n_exc, exc = mine && excitatory, inh = mine && !excitatory;
    const Shared s = {at};
    Protocol& now = *s.protocol();
    if (tid == 0) {
        *s.job() = given;
        *s.room() = room;
        now.position = given.counters[POSITION];
        now.attempt = (int)given.counters[ATTEMPT];
        now.n_spikes = 0;
        now.n_rest_spikes = (int)given.counters[N_REST_SPIKES];
        now.intensity = *given.intensity;
        now.unknown = LEARNING && given.w_factor[0] == 0.0;
        now.done = 0;
    }
    block_barrier();
    const Job& job = *s.job();

    double v = 0, ge = 0, gi = 0, theta = 0, x_post1 = 0, x_post2 = 0;  // of a neuron of either kind, but for the last four
    const int long_ago = -(1 << 30);
    int refractory = 0, locked = 0, spiked = long_ago;  // steps of this presentation
    bool over = false;
    if (exc) {
        v = job.v[j], ge = job.ge[j], gi = job.gi[j], theta = job.theta[j];
        x_post1 = job.x_post1[j], x_post2 = job.x_post2[j], over = job.over[j];
        refractory = later(job.refractory_until[j], long_ago), locked = later(job.locked_until[j], long_ago);
        spiked = later(job.spiked[j], long_ago);
    }
    if (inh) {
        v = job.v_inh[j], ge = job.ge_inh[j];
        refractory = later(job.refractory_until_inh[j], long_ago), spiked = later(job.spiked_inh[j], long_ago);
    }
    bool awake = inh && (ge > 0.0 || v != c.v_rest_inh);
    if (LEARNING) for (int i = tid; i < n_input; i += n_threads) s.x0()[i] = job.x0[i];
    if (tid < 4) s.told()[tid] = s.any_fired()[tid] = 0;
    if (tid < 2 * MOST_BLOCKS) s.mail()[tid] = 0;
    LOOP (int k = tid; k < local; k += n_threads) s.row()[k] = -1;
    if (tid == 0) *s.n_tracked() = *s.n_recorded() = 0;
    u32 tick = 0;
    network_barrier(z);

    LOOP (; now.done < job.presentations && now.position - job.first_position < job.n_images;) {
        // --- before a presentation: the protocol, normalisation, the input's events
        block_barrier();
        if (tid == 0) {
            now.key = fold(fold((u64)job.counters[STREAM], (u64)now.position), (u64)now.attempt);
            now.repeated = now.intensity != c.intensity_init || c.intensity_step == 0.0;
            now.intensity = c.intensity_init + c.intensity_step * (double)now.attempt;
            now.normalising = c.normalise_images && now.position % c.normalise_every == 0
                && (now.attempt == 0 || c.normalise_presentations);
            now.unknown |= LEARNING && now.normalising
                && (c.normalise_every > 1 || (now.repeated && !c.normalise_presentations));
            now.n_spikes = c.count_rest ? now.n_rest_spikes : 0;
            now.n_rest_spikes = 0;
            if (rank == 0) {
                job.position[now.done] = now.position;
                job.attempt[now.done] = now.attempt;
                job.intensities[now.done] = now.intensity;
                job.counters[KEY] = (i64)now.key;
                job.counters[NORMALISING] = now.normalising;
            }
        }
        block_barrier();
        if (LEARNING) decay_inputs(c, z, at);
        draw_events(c, z, at);
        if (LEARNING) {
            const bool changed = exc && (now.unknown || spiked >= -c.memory_steps || over);
            if (exc && !changed) {
                const double factor = job.w_factor[j];
                job.w_total[j] *= factor;
                job.w_squares[j] *= factor * factor;
                job.w_factor[j] = 1.0;
            }
            const u32 chosen = vote(changed);
            if (lane == 0 && excitatory) s.chosen()[warp] = chosen;
            block_barrier();
            int turn = 0;
            LOOP (int k = 0; k < groups; k++)
                LOOP (u32 left = s.chosen()[k]; left; left &= left - 1, turn++)
                    if (turn % n_warps == warp) normalise(c, z, at, begin + k * 32 + first_bit(left));
            block_barrier();
            double sums[4] = {0, 0, 0, 0};
            if (exc) {
                over = job.over[j];
                sums[0] = theta, sums[1] = theta * theta, sums[2] = job.w_total[j], sums[3] = job.w_squares[j];
            }
            if (excitatory)
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    LOOP (int d = 16; d > 0; d /= 2) sums[k] += shuffle_xor(sums[k], d);
                    if (lane == 0) s.part()[warp * 4 + k] = sums[k];
                }
            const u32 begins = vote(exc && TRACED && (x_post1 > 0.0 || over));
            if (lane == 0 && excitatory) s.chosen()[warp] = begins;
        }
        block_barrier();  // the events are drawn, with the ring as scratch
        LOOP (int k = tid; k < ring * local; k += n_threads) s.ring()[k] = 0.0;
        if (tid < 4) {
            double sum = 0.0;
            if (LEARNING) for (int k = 0; k < groups; k++) sum += s.part()[k * 4 + tid];
            job.parts[((i64)now.done * blocks + rank) * 4 + tid] = sum;
        }
        int row = -1, n_tracked = 0;
        if (LEARNING) {
            LOOP (int k = 0; k < groups; k++)
                LOOP (u32 left = s.chosen()[k]; left; left &= left - 1, n_tracked++) {
                    const int one = k * 32 + first_bit(left);
                    if (exc && one == q) {
                        row = n_tracked;
                        s.row()[q] = (short)row;
                        s.list()[row] = (u16)q;
                        s.traces()[row] = s.traces()[local + row] = x_post1;
                    }
                    if (n_tracked < z.columns) fetch_column(z, at, begin + one, n_tracked);
                }
            if (tid == 0) *s.n_tracked() = n_tracked;
        }
        if (exc && ge < FLUSH) ge = 0.0;
        if (exc && gi < FLUSH) gi = 0.0;
        double level = 1.0;
        int slot = 0;
        block_barrier();
        if (inh && !(LEARNING && s.row()[q] >= 0))
            send(z, s, 0, s.first_of_step()[1], 0, j, q);
        block_barrier();

        LOOP (int step = 0; step < steps; step++) {
            if (step >= arriving && step % CHECK == 0) {  // --- is there anything left to do?
                bool active = false;
                if (exc) {
                    const double bound = c.threshold_exc + theta * z.last_level;
                    active = ge + gi > FADED || !(fmax(v, c.v_rest_exc) <= bound) || (CLAMP && step < refractory);
                }
                if (awake) {
                    const double end = (c.v_rest_inh + ge * c.e_exc) / (1.0 + ge);
                    active = !(fmax(fmax(v, end), c.v_rest_inh) <= c.v_thresh_inh);
                    active |= EULER && c.step_inh * (1.0 + ge) > 1.0;
                }
                if (vote(active) && lane == 0) s.told()[tick & 3] = ACTIVE;
                const bool is_over = exchange(z, s, tick) < ACTIVE;
                if (is_over) {
                    const int left = steps - step;
                    if (exc) {
                        const double decay = EULER ? pow(1.0 - c.step_exc, (double)left) : exp(-c.step_exc * left);
                        v = c.v_rest_exc + (v - c.v_rest_exc) * decay;
                        ge *= pow(c.decay_ge, (double)left);
                        gi *= pow(c.decay_gi, (double)left);
                        if (TRACED)
                            LOOP (int k = 0; k < left && (x_post1 > 0.0 || (RULE == TRIPLET && x_post2 > 0.0)); k++) {
                                if (RULE == TRIPLET_100N) x_post2 -= x_post1 * c.leak_100n;
                                x_post1 = decayed(x_post1, c.decay_post1);
                                if (RULE == TRIPLET) x_post2 = decayed(x_post2, c.decay_post2);
                            }
                    }
                    LOOP (int k = step; k < steps && awake; k++)
                        advance_inhibitory(c, k < refractory, z.at_rest, v, ge, awake);
                    break;
                }
            }
            // --- thresholds: traces, membranes, who spikes; and what arrives
            const int turn = tick & 3, half = step & 1;
            level *= c.decay_theta;
            bool fires = false;
            double arrives = 0.0;
            if (exc) {
                if (step < arriving) {
                    arrives = s.ring()[slot * local + q];
                    s.ring()[slot * local + q] = 0.0;
                }
                double next;
                if (EULER) next = v + c.step_exc * (c.v_rest_exc - v + ge * (c.e_exc - v) + gi * (c.e_inh_exc - v));
                else {
                    const double all = 1.0 + ge + gi;
                    const double end = (c.v_rest_exc + ge * c.e_exc + gi * c.e_inh_exc) / all;
                    next = end + (v - end) * exponential(-c.step_exc * all);
                }
                if (TRACED) {
                    if (RULE == TRIPLET_100N) x_post2 -= x_post1 * c.leak_100n;
                    x_post1 = decayed(x_post1, c.decay_post1);
                    if (RULE == TRIPLET) x_post2 = decayed(x_post2, c.decay_post2);
                    if (row >= 0) s.traces()[half * local + row] = x_post1;
                }
                if (!(CLAMP && step < refractory)) v = next;
                ge *= c.decay_ge;
                gi *= c.decay_gi;
                fires = v > c.threshold_exc + theta * level && step >= refractory && step >= locked;
                if (LEARNING && fires) s.slow()[q] = x_post2;
            } else if (inh) {
                if (step + 1 < stimulus && !(LEARNING && s.row()[q] >= 0))
                    send(z, s, s.first_of_step()[step + 1], s.first_of_step()[step + 2],
                         (slot + 1 == ring ? 0 : slot + 1) - (step + 1), j, q);
                if (awake) fires = advance_inhibitory(c, step < refractory, z.at_rest, v, ge, awake);
            }
            if (LEARNING && excitatory && step < arriving)
                LOOP (int r = warp; r < *s.n_tracked(); r += groups) track(c, z, s, step, r, begin);
            const u32 fired = vote(fires);
            if (lane == 0) {
                (excitatory ? s.fired() : s.fired_inh())[turn * groups + group] = fired;
                if (fired) {
                    if (excitatory) s.any_fired()[turn] = 1;
                    add_to(&s.told()[turn], popcount(fired) * (excitatory ? SPIKE : SPIKE_INH));
                }
            }
            const u32 total = exchange(z, s, tick);
            // --- synapses
            const int any_fired = s.any_fired()[turn], n_inh = spikes_inh_of(total);
            if (tid == 0) (step < stimulus ? now.n_spikes : now.n_rest_spikes) += spikes_of(total);
            if (exc) {
                if (LEARNING && row >= 0 && step < arriving) arrives = s.arrived()[half * local + row];
                ge += arrives;
                const u32 own = (s.fired_inh()[turn * groups + group] >> lane) & 1;
                if (n_inh) gi += c.w_inh_exc * (n_inh - c.summing_own * (double)own);
            }
            if (any_fired && LEARNING) {
                n_tracked = *s.n_tracked();
                LOOP (int k = 0; k < groups; k++)
                    LOOP (u32 left = s.fired()[turn * groups + k]; left; left &= left - 1) {
                        const int one = k * 32 + first_bit(left);
                        const bool begins = s.row()[one] < 0;
                        const int r = begins ? n_tracked++ : s.row()[one];
                        if (begins && exc && one == q) row = r;
                        learn(c, z, at, step, one, r, begins);
                    }
                block_barrier();
            }
            // --- resets
            if (exc && fires) {
                v = c.v_reset_exc;
                theta += c.theta_plus / level;
                refractory = step + (int)c.refractory_exc_steps;
                locked = step + (int)c.lockout_exc_steps;
                spiked = step;
                if (TRACED) {
                    x_post1 = c.all_to_all * x_post1 + 1.0;
                    if (RULE != PRE_AND_POST) x_post2 = c.all_to_all * x_post2 + 1.0;
                }
                if (LEARNING) {
                    if (s.row()[q] < 0) {
                        s.row()[q] = (short)row;
                        s.list()[row] = (u16)q;
                        LOOP (int k = 0; k < ring; k++) s.ring()[k * local + q] = 0.0;
                    }
                    s.traces()[half * local + row] = x_post1;
                }
                const int k = add_to(s.n_recorded(), 1), part = (int)(job.room / blocks);
                if (k < part) {
                    job.step[rank * part + k] = (i64)now.done * steps + step;
                    job.neuron[rank * part + k] = j;
                }
            }
            if (inh) {
                if (any_fired && ((s.fired()[turn * groups + group] >> lane) & 1)) {
                    ge += c.w_exc_inh;
                    awake = true;
                }
                if (fires) {
                    v = c.v_reset_inh;
                    refractory = step + (int)c.refractory_inh_steps;
                    spiked = step;
                    awake = true;
                }
            }
            if (any_fired && LEARNING) {
                if (tid == 0) *s.n_tracked() = n_tracked;
                block_barrier();
            }
            if (++slot == ring) slot = 0;
        }

        // --- over to the next presentation
        block_barrier();
        theta *= z.last_level;
        refractory = later(refractory - steps, long_ago);
        locked = later(locked - steps, long_ago);
        spiked = later(spiked - steps, long_ago);
        if (LEARNING) {
            LOOP (int r = 0; r < *s.n_tracked() && r < z.columns; r++) return_column(z, at, begin + s.list()[r], r);
            trace_inputs(c, z, at);
            LOOP (int k = tid; k < local; k += n_threads) s.row()[k] = -1;
        }
        if (tid == 0) {
            const bool accepted = now.n_spikes >= c.min_spikes || now.attempt + 1 >= c.max_attempts;
            now.position += accepted;
            now.attempt = accepted ? 0 : now.attempt + 1;
            now.unknown = 0;
            now.done++;
        }
        block_barrier();
        if (tid == 0) *s.n_tracked() = 0;
    }

    if (exc) {
        job.v[j] = v, job.ge[j] = ge, job.gi[j] = gi, job.theta[j] = theta;
        job.x_post1[j] = x_post1, job.x_post2[j] = x_post2, job.over[j] = over;
        job.refractory_until[j] = refractory, job.locked_until[j] = locked, job.spiked[j] = spiked;
    }
    if (inh) {
        job.v_inh[j] = v, job.ge_inh[j] = ge;
        job.refractory_until_inh[j] = refractory, job.spiked_inh[j] = spiked;
    }
    if (rank == 0 && LEARNING) for (int i = tid; i < n_input; i += n_threads) job.x0[i] = s.x0()[i];
    if (rank == 0 && tid == 0) {
        job.counters[POSITION] = now.position, job.counters[ATTEMPT] = now.attempt;
        job.counters[N_SPIKES] = now.n_spikes, job.counters[N_REST_SPIKES] = now.n_rest_spikes;
        *job.intensity = now.intensity;
        job.done[0] = now.done;
    }
    if (tid == 0) job.done[1 + rank] = *s.n_recorded();
    network_barrier(z);
}

DEVICE inline void show_all(const Constants& c, const Sizes& z, const Offsets& at, const Job* jobs, int n_jobs,
                            const Scratch* rooms) {
    const int first = BLOCK / z.cluster, apart = BLOCKS / z.cluster;
    LOOP (int k = first; k < n_jobs; k += apart) show(c, z, at, jobs[k], rooms[BLOCK]);
}

#include "host.h"
