/* Emulation of CUDA on the CPU, part 4: memory, streams, events and graphs of the runtime, all of them done at once. */
#ifndef PTQ_EMULATION_RUNTIME_H
#define PTQ_EMULATION_RUNTIME_H

#include <chrono>
#include <functional>
#include <tuple>

#include "emulation_block.h"

/* The values of CUDA. */
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorIllegalState = 401
};
enum cudaMemcpyKind { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice, cudaMemcpyDefault };
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount = 16, cudaDevAttrComputeCapabilityMajor = 75, cudaDevAttrComputeCapabilityMinor = 76, cudaDevAttrMaxSharedMemoryPerBlockOptin = 97 };
enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeRelaxed };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8, cudaFuncAttributePreferredSharedMemoryCarveout = 9 };
constexpr unsigned cudaStreamDefault = 0, cudaStreamNonBlocking = 1, cudaEventDefault = 0, cudaEventDisableTiming = 2;

namespace ptq_emulation {

/* What a graph repeats. */
using Work = std::function<void()>;

struct Graph {
  std::vector<Work> work;
};

struct Stream {
  bool is_capturing = false;
  Graph captured;
};

struct Event {
  std::chrono::steady_clock::time_point time;
};

inline cudaError_t last_error = cudaSuccess;

inline cudaError_t refuse(cudaError_t error) {
  last_error = error;
  return error;
}

/* Does it now, or keeps it for the graph that the stream captures. */
inline void perform(Stream *stream, Work work) {
  if (stream != nullptr && stream->is_capturing) stream->captured.work.push_back(std::move(work));
  else work();
}

/* Kernels are chosen by what a device can do at once: PTQ_CUDA_MULTIPROCESSORS, of a small GPU unless said. */
inline int multiprocessors() {
  const char *text = std::getenv("PTQ_CUDA_MULTIPROCESSORS");
  return text != nullptr && std::atoi(text) > 0 ? std::atoi(text) : 8;
}

/* Whether this device runs the products of warpgroups of sm_90a: PTQ_CUDA_WGMMA=1. */
inline int has_wgmma() {
  const char *text = std::getenv("PTQ_CUDA_WGMMA");
  return text != nullptr && std::atoi(text) == 1;
}

/* Kernels that may have more than 48 KiB of dynamic shared memory: function and bytes. */
inline std::vector<std::pair<void (*)(), size_t>> raised_limits;

inline size_t dynamic_limit(void (*kernel)()) {
  for (auto raised = raised_limits.rbegin(); raised != raised_limits.rend(); ++raised) {
    if (raised->first == kernel) return raised->second;
  }
  return STATIC_SHARED_BYTES;
}

template <class... Parameters, class... Arguments>
void launch(const char *name, void (*kernel)(Parameters...), dim3 grid, dim3 threads, size_t shared_bytes, Stream *stream, Arguments... arguments) {
  const size_t count = static_cast<size_t>(threads.x) * threads.y * threads.z;
  const bool is_empty = grid.x == 0 || grid.y == 0 || grid.z == 0 || count == 0;
  const bool is_large = count > MOST_THREADS || threads.z > 64 || grid.x > 2147483647u || grid.y > 65535 || grid.z > 65535;
  if (is_empty || is_large || shared_bytes > dynamic_limit(reinterpret_cast<void (*)()>(kernel))) {
    refuse(cudaErrorInvalidConfiguration);
    return;
  }
  struct Call {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> parameters;
  };
  const Call call{kernel, std::tuple<Parameters...>(arguments...)};
  perform(stream, [=] {
    const auto body = [](const void *pointer) {
      const Call &own = *static_cast<const Call *>(pointer);
      std::apply(own.kernel, own.parameters);
    };
    run_grid(name, grid, threads, shared_bytes, body, &call);
  });
}

}  // namespace ptq_emulation

using cudaStream_t = ptq_emulation::Stream *;
using cudaEvent_t = ptq_emulation::Event *;
using cudaGraph_t = ptq_emulation::Graph *;
using cudaGraphExec_t = ptq_emulation::Graph *;

struct cudaDeviceProp {
  char name[256];
  int major, minor, multiProcessorCount, clockRate;
  size_t totalGlobalMem, sharedMemPerBlock, sharedMemPerBlockOptin;
};

inline const char *cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    default: return "cudaErrorStreamCaptureUnsupported";
  }
}
inline const char *cudaGetErrorString(cudaError_t error) { return cudaGetErrorName(error); }
inline cudaError_t cudaPeekAtLastError() { return ptq_emulation::last_error; }
inline cudaError_t cudaGetLastError() { return std::exchange(ptq_emulation::last_error, cudaSuccess); }

namespace ptq_emulation {
/* Device memory: address and bytes of each allocation. */
inline std::vector<std::pair<uint64_t, size_t>> allocations;
}  // namespace ptq_emulation

/* Aligned as on a device, exactly as long as asked (the address sanitizer sees the end), filled with what nobody expects. */
inline cudaError_t cudaMalloc(void **pointer, size_t bytes) {
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (posix_memalign(pointer, 256, bytes) != 0) return ptq_emulation::refuse(cudaErrorMemoryAllocation);
  std::memset(*pointer, 0xa5, bytes);
  ptq_emulation::allocations.push_back({reinterpret_cast<uint64_t>(*pointer), bytes});
  return cudaSuccess;
}
template <class T>
cudaError_t cudaMalloc(T **pointer, size_t bytes) { return cudaMalloc(reinterpret_cast<void **>(pointer), bytes); }
inline cudaError_t cudaMallocHost(void **pointer, size_t bytes) { return cudaMalloc(pointer, bytes); }
template <class T>
cudaError_t cudaMallocHost(T **pointer, size_t bytes) { return cudaMalloc(reinterpret_cast<void **>(pointer), bytes); }
inline cudaError_t cudaFree(void *pointer) {
  auto &known = ptq_emulation::allocations;
  for (size_t i = 0; i < known.size(); i++) {
    if (known[i].first == reinterpret_cast<uint64_t>(pointer)) known.erase(known.begin() + static_cast<std::ptrdiff_t>(i));
  }
  std::free(pointer);
  return cudaSuccess;
}
inline cudaError_t cudaFreeHost(void *pointer) { return cudaFree(pointer); }

inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t stream = nullptr) {
  if (bytes > 0) ptq_emulation::perform(stream, [=] { std::memmove(to, from, bytes); });
  return cudaSuccess;
}
inline cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) { return cudaMemcpyAsync(to, from, bytes, kind); }
inline cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream = nullptr) {
  if (bytes > 0) ptq_emulation::perform(stream, [=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}
inline cudaError_t cudaMemset(void *to, int value, size_t bytes) { return cudaMemsetAsync(to, value, bytes); }

inline cudaError_t cudaStreamCreate(cudaStream_t *stream) {
  *stream = new ptq_emulation::Stream();
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned) { return cudaStreamCreate(stream); }
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return stream != nullptr && stream->is_capturing ? ptq_emulation::refuse(cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }

inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream == nullptr || stream->is_capturing) return ptq_emulation::refuse(cudaErrorStreamCaptureUnsupported);
  stream->is_capturing = true;
  stream->captured.work.clear();
  return cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  if (stream == nullptr || !stream->is_capturing) return ptq_emulation::refuse(cudaErrorIllegalState);
  stream->is_capturing = false;
  *graph = new ptq_emulation::Graph(std::move(stream->captured));
  return cudaSuccess;
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned long long = 0) {
  *executable = new ptq_emulation::Graph(*graph);
  return cudaSuccess;
}
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t) {
  for (const ptq_emulation::Work &work : executable->work) work();
  return cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return cudaGraphDestroy(executable); }

inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
  *event = new ptq_emulation::Event();
  return cudaSuccess;
}
inline cudaError_t cudaEventCreate(cudaEvent_t *event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t = nullptr) {
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t from, cudaEvent_t to) {
  *milliseconds = std::chrono::duration<float, std::milli>(to->time - from->time).count();
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

inline cudaError_t cudaGetDeviceCount(int *count) {
  *count = 1;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : ptq_emulation::refuse(cudaErrorInvalidDevice); }
inline cudaError_t cudaGetDevice(int *device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int) {
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "emulation");
  properties->major = PTQ_ARCHITECTURE / 100;
  properties->minor = PTQ_ARCHITECTURE / 10 % 10;
  properties->multiProcessorCount = ptq_emulation::multiprocessors();
  properties->totalGlobalMem = size_t{1} << 32;
  properties->sharedMemPerBlock = ptq_emulation::STATIC_SHARED_BYTES;
  properties->sharedMemPerBlockOptin = ptq_emulation::MOST_SHARED_BYTES;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  cudaGetDeviceProperties(&properties, device);
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = properties.multiProcessorCount; break;
    case cudaDevAttrComputeCapabilityMajor: *value = properties.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = properties.minor; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(properties.sharedMemPerBlockOptin); break;
    default: return ptq_emulation::refuse(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}
template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<size_t>(value) > ptq_emulation::MOST_SHARED_BYTES) return ptq_emulation::refuse(cudaErrorInvalidValue);
  ptq_emulation::raised_limits.push_back({reinterpret_cast<void (*)()>(kernel), static_cast<size_t>(value)});
  return cudaSuccess;
}

#endif
