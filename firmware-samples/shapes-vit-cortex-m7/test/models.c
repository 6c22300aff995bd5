/* Generated: what the harness needs to know about the models. */
#include "harness.h"

#ifdef __AVR__
#define ALIGNED
#else
#define ALIGNED __attribute__((aligned(16)))
#endif
#ifndef PTQ_HOST
/* One model runs at a time: they share the arena. */
static ALIGNED uint8_t arena[8452u + PTQ_GUARD_BYTES];
#endif

void shapes_vit_run(void *arena);
/* Only networks that remember something have it. */
__attribute__((weak)) void shapes_vit_reset(void *arena);
#ifdef PTQ_HOST
/* An arena of its own, so that the address sanitizer sees its exact end. */
static ALIGNED uint8_t shapes_vit_arena[8452u + PTQ_GUARD_BYTES];
#else
#define shapes_vit_arena arena
#endif
static const PTQ_TABLE char shapes_vit_name[] = "shapes_vit";
static const PTQ_TABLE ptq_tensor shapes_vit_tensors[] = {
  {0u, 576u, -1},
  {576u, 1152u, 0},
  {576u, 1152u, 0},
  {1728u, 1184u, 1},
  {0u, 1184u, 2},
  {1184u, 1184u, 3},
  {4736u, 3552u, 4},
  {4736u, 3552u, 4},
  {1184u, 3552u, 5},
  {6084u, 1184u, 6},
  {6084u, 1184u, 6},
  {4900u, 1184u, 7},
  {4900u, 1184u, 7},
  {7268u, 1184u, 8},
  {7268u, 1184u, 8},
  {1184u, 2738u, 9},
  {4000u, 2738u, 10},
  {1184u, 1184u, 11},
  {3744u, 1184u, 12},
  {3744u, 1184u, 12},
  {7268u, 1184u, 13},
  {7268u, 1184u, 14},
  {5720u, 1184u, 15},
  {2168u, 3552u, 16},
  {2168u, 3552u, 17},
  {5720u, 1184u, 18},
  {7268u, 1184u, 19},
  {0u, 1184u, 20},
  {3552u, 3552u, 21},
  {3552u, 3552u, 21},
  {0u, 3552u, 22},
  {6084u, 1184u, 23},
  {6084u, 1184u, 23},
  {3716u, 1184u, 24},
  {3716u, 1184u, 24},
  {4900u, 1184u, 25},
  {4900u, 1184u, 25},
  {0u, 2738u, 26},
  {0u, 2738u, 27},
  {6084u, 1184u, 28},
  {0u, 1184u, 29},
  {0u, 1184u, 29},
  {1184u, 1184u, 30},
  {4736u, 1184u, 31},
  {3552u, 1184u, 32},
  {0u, 3552u, 33},
  {0u, 3552u, 34},
  {3552u, 1184u, 35},
  {0u, 1184u, 36},
  {1184u, 1184u, 37},
  {0u, 32u, 38},
  {0u, 32u, 38},
  {32u, 8u, 39},
};
static const PTQ_TABLE ptq_tensor shapes_vit_inputs[] = {
  {0u, 576u, -1},
};
static const PTQ_TABLE ptq_tensor shapes_vit_outputs[] = {
  {32u, 8u, 39},
};

const PTQ_TABLE ptq_model ptq_models[] = {
  {shapes_vit_name, shapes_vit_run, shapes_vit_reset, shapes_vit_arena, 8452u, shapes_vit_tensors, 53u, shapes_vit_inputs, 1u, shapes_vit_outputs, 1u},
};
const uint32_t ptq_model_count = 1u;
#ifdef PTQ_TRACE

void shapes_vit_trace(int32_t step, const void *trace_arena);
void shapes_vit_trace(int32_t step, const void *trace_arena) {
  (void)trace_arena;
  ptq_observe(&ptq_models[0], step);
}
#endif
