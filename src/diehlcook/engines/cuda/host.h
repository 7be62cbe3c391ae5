// What Python calls: memory of the device, and a launch. Every function returns nullptr, or what went wrong.

#define API extern "C" const char*

// Bytes of shared memory that a block needs.
extern "C" int diehlcook_shared(const Constants* c, const Sizes* z, int threads) {
    return offsets(*z, threads / 32, (int)c->stimulus_steps).bytes;
}

#ifdef EMULATE

static thread_local const Constants* the_constants;
static thread_local const Sizes* the_sizes;
static thread_local const Job* the_jobs;
static thread_local const Scratch* the_rooms;
static thread_local int the_number;
static thread_local Offsets the_offsets;

static void run_thread() {
    show_all(*the_constants, *the_sizes, the_offsets, the_jobs, the_number, the_rooms);
}

API diehlcook_stream(void** stream) { return *stream = nullptr, nullptr; }
API diehlcook_end_stream(void*) { return nullptr; }
API diehlcook_new(void** at, i64 bytes) { return *at = malloc(bytes ? bytes : 1), nullptr; }
API diehlcook_delete(void* at) { return free(at), nullptr; }
API diehlcook_write(void*, void* to, const void* from, i64 bytes) { return memcpy(to, from, bytes), nullptr; }
API diehlcook_read(void*, void* to, const void* from, i64 bytes) { return memcpy(to, from, bytes), nullptr; }
API diehlcook_at_once(const Constants*, const Sizes*, int, int* n) { return *n = 2, nullptr; }

API diehlcook_show(void*, const Constants* c, const Sizes* z, const Job* jobs, int n_jobs, int clusters, int threads,
                   const Scratch* rooms) {
    the_constants = c, the_sizes = z, the_jobs = jobs, the_number = n_jobs, the_rooms = rooms;
    const int size = z->cluster;
    the_offsets = offsets(*z, threads / 32, (int)c->stimulus_steps);
    const i64 bytes = the_offsets.bytes;
    for (int k = 0; k < clusters; k++) {
        fibers::Cluster one;
        one.threads = threads, one.size = size, one.index = k, one.count = clusters;
        one.all.resize(size * threads);
        one.warps.resize(size * threads / 32);
        one.blocks.resize(size);
        one.exchange.assign(size * threads, 0.0);
        one.memory.assign(size, std::vector<double>(bytes / 8 + 1, NAN));  // as found, which must not matter
        for (auto& warp : one.warps) warp.expected = 32;
        for (auto& block : one.blocks) block.expected = threads;
        one.whole.expected = size * threads;
        for (int i = 0; i < size * threads; i++) {
            one.all[i].thread = i % threads, one.all[i].rank = i / threads;
            one.all[i].stack.resize(64 * 1024);
        }
        fibers::run(one, run_thread);
    }
    return nullptr;
}

#else

template <int MOST>
__global__ void __launch_bounds__(MOST, 1) kernel(const __grid_constant__ Constants c, const __grid_constant__ Sizes z,
                                               const __grid_constant__ Offsets at, const Job* jobs, int n_jobs,
                                               const Scratch* rooms) {
    show_all(c, z, at, jobs, n_jobs, rooms);
}

typedef void (*Kernel)(Constants, Sizes, Offsets, const Job*, int, const Scratch*);
static Kernel for_threads(int threads) { return threads <= 640 ? kernel<640> : kernel<832>; }
static const char* said(cudaError_t error) { return error == cudaSuccess ? nullptr : cudaGetErrorString(error); }

struct Launch {
    cudaLaunchConfig_t config = {};
    cudaLaunchAttribute attribute = {};
    const char* error;
    Launch(const Constants* c, const Sizes* z, int clusters, int threads, cudaStream_t stream) {
        const size_t bytes = (size_t)diehlcook_shared(c, z, threads);
        config.gridDim = dim3((unsigned)(clusters * z->cluster));
        config.blockDim = dim3((unsigned)threads);
        config.dynamicSmemBytes = bytes;
        config.stream = stream;
        attribute.id = cudaLaunchAttributeClusterDimension;
        attribute.val.clusterDim.x = (unsigned)z->cluster;
        attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
        config.attrs = &attribute;
        config.numAttrs = 1;
        error = said(cudaFuncSetAttribute(for_threads(threads), cudaFuncAttributeMaxDynamicSharedMemorySize, 232448));
        if (!error && z->cluster > 8)
            error = said(cudaFuncSetAttribute(for_threads(threads), cudaFuncAttributeNonPortableClusterSizeAllowed, 1));
    }
};

API diehlcook_stream(void** stream) {
    return said(cudaStreamCreateWithFlags((cudaStream_t*)stream, cudaStreamNonBlocking));
}
API diehlcook_end_stream(void* stream) { return said(cudaStreamDestroy((cudaStream_t)stream)); }
API diehlcook_new(void** at, i64 bytes) { return said(cudaMalloc(at, bytes ? bytes : 1)); }
API diehlcook_delete(void* at) { return said(cudaFree(at)); }
static const char* copy(void* stream, void* to, const void* from, i64 bytes, cudaMemcpyKind kind) {
    const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, (cudaStream_t)stream);
    return said(error != cudaSuccess ? error : cudaStreamSynchronize((cudaStream_t)stream));
}
API diehlcook_write(void* stream, void* to, const void* from, i64 bytes) {
    return copy(stream, to, from, bytes, cudaMemcpyHostToDevice);
}
API diehlcook_read(void* stream, void* to, const void* from, i64 bytes) {
    return copy(stream, to, from, bytes, cudaMemcpyDeviceToHost);
}
// Write how many networks run at the same time.
API diehlcook_at_once(const Constants* c, const Sizes* z, int threads, int* n) {
    Launch launch(c, z, 1, threads, nullptr);
    return launch.error ? launch.error : said(cudaOccupancyMaxActiveClusters(n, for_threads(threads), &launch.config));
}
API diehlcook_show(void* stream, const Constants* c, const Sizes* z, const Job* jobs, int n_jobs, int clusters,
                   int threads, const Scratch* rooms) {
    Launch launch(c, z, clusters, threads, (cudaStream_t)stream);
    if (launch.error) return launch.error;
    const cudaError_t error = cudaLaunchKernelEx(&launch.config, for_threads(threads), *c, *z,
                                                 offsets(*z, threads / 32, (int)c->stimulus_steps), jobs, n_jobs, rooms);
    return said(error != cudaSuccess ? error : cudaStreamSynchronize((cudaStream_t)stream));
}

#endif
