// What the kernel asks of a GPU: who a thread is, votes of a warp, barriers, and the memory of the other blocks.
#include <cooperative_groups.h>

#define DEVICE __device__
#define ANYWHERE __host__ __device__
#define SHARED_MEMORY shared_memory
extern __shared__ double shared_memory[];
#define THREAD ((int)threadIdx.x)
#define THREADS ((int)blockDim.x)
#define BLOCK ((int)blockIdx.x)
#define BLOCKS ((int)gridDim.x)
#define RANK ((int)cooperative_groups::this_cluster().block_rank())

DEVICE inline unsigned int vote(bool one) { return __ballot_sync(0xffffffffu, one); }
template <typename T> DEVICE inline T shuffle(T x, int lane) { return __shfl_sync(0xffffffffu, x, lane); }
template <typename T> DEVICE inline T shuffle_up(T x, int d) { return __shfl_up_sync(0xffffffffu, x, d); }
template <typename T> DEVICE inline T shuffle_xor(T x, int d) { return __shfl_xor_sync(0xffffffffu, x, d); }
DEVICE inline unsigned int sum_over_warp(unsigned int x) { return __reduce_add_sync(0xffffffffu, x); }
DEVICE inline int popcount(unsigned int x) { return __popc(x); }
DEVICE inline int first_bit(unsigned int x) { return __ffs(x) - 1; }
DEVICE inline void block_barrier() { __syncthreads(); }
DEVICE inline void cluster_barrier() { cooperative_groups::this_cluster().sync(); }
template <typename T> DEVICE inline T* of_block(T* mine, int rank) {
    return cooperative_groups::this_cluster().map_shared_rank(mine, rank);
}
template <typename T> DEVICE inline T add_to(T* where, T x) { return atomicAdd(where, x); }
DEVICE inline void copy_16_bytes(void* to, const void* from) { *(uint4*)to = *(const uint4*)from; }
DEVICE inline void wait_a_little() {}
