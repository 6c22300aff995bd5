/* What the test harness knows about a generated CUDA model. */
#ifndef PTQ_HARNESS_HPP
#define PTQ_HARNESS_HPP

#include <cstddef>
#include <cstdint>

#ifdef PTQ_CUDA_EMULATION
#include "cuda_emulation.h"
#else
#include <cuda_runtime.h>
#endif

/* One tensor in the arena of a single sample; `step` writes it, -1: it is an input. */
struct PtqTensor {
  size_t offset;
  size_t bytes;
  int32_t step;
};

struct PtqModel {
  const char *name;
  int (*create)(void **model, int32_t max_batch);
  int (*run)(void *model, int32_t batch, void *const *inputs, void *const *outputs, cudaStream_t stream);
  void (*destroy)(void *model);
  bool has_states; /* vectors then run one by one, in order */
  const PtqTensor *tensors;
  size_t tensor_count;
  const PtqTensor *inputs;
  size_t input_count;
  const PtqTensor *outputs;
  size_t output_count;
};

extern const PtqModel ptq_models[];
extern const size_t ptq_model_count;

/* The generated glue calls this after every step of a trace build. */
void ptq_observe(const PtqModel *model, int32_t step, const uint8_t *arena, int32_t max_batch, int32_t batch, cudaStream_t stream);

#endif
