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
  {1184u, 1152u, 0},
  {1184u, 1152u, 0},
  {0u, 1184u, 1},
  {0u, 1184u, 2},
  {1184u, 1184u, 3},
  {2368u, 1184u, 4},
  {2368u, 1184u, 4},
  {3552u, 1184u, 5},
  {3552u, 1184u, 5},
  {4736u, 1184u, 6},
  {4736u, 1184u, 6},
  {1184u, 1184u, 7},
  {1184u, 1184u, 7},
  {6292u, 1184u, 8},
  {6292u, 1184u, 8},
  {2368u, 1184u, 9},
  {2368u, 1184u, 9},
  {3552u, 2738u, 10},
  {3552u, 2738u, 11},
  {1184u, 1184u, 12},
  {2368u, 1184u, 13},
  {2368u, 1184u, 13},
  {1184u, 1184u, 14},
  {0u, 1184u, 15},
  {4736u, 1184u, 16},
  {1184u, 3552u, 17},
  {1184u, 3552u, 18},
  {4736u, 1184u, 19},
  {0u, 1184u, 20},
  {1184u, 32u, 21},
  {0u, 1184u, 22},
  {3584u, 32u, 23},
  {1216u, 1184u, 24},
  {1216u, 1184u, 24},
  {2400u, 1184u, 25},
  {2400u, 1184u, 25},
  {0u, 32u, 26},
  {0u, 32u, 26},
  {3584u, 32u, 27},
  {3584u, 32u, 27},
  {3616u, 1184u, 28},
  {3616u, 1184u, 28},
  {0u, 1184u, 29},
  {0u, 1184u, 29},
  {1216u, 74u, 30},
  {1216u, 74u, 31},
  {1292u, 32u, 32},
  {0u, 32u, 33},
  {0u, 32u, 33},
  {0u, 32u, 34},
  {1184u, 32u, 35},
  {0u, 32u, 36},
  {0u, 96u, 37},
  {0u, 96u, 38},
  {0u, 32u, 39},
  {1184u, 32u, 40},
  {1184u, 32u, 41},
  {1184u, 32u, 41},
  {0u, 8u, 42},
};
static const PTQ_TABLE ptq_tensor shapes_vit_inputs[] = {
  {0u, 576u, -1},
};
static const PTQ_TABLE ptq_tensor shapes_vit_outputs[] = {
  {0u, 8u, 42},
};

const PTQ_TABLE ptq_model ptq_models[] = {
  {shapes_vit_name, shapes_vit_run, shapes_vit_reset, shapes_vit_arena, 8452u, shapes_vit_tensors, 60u, shapes_vit_inputs, 1u, shapes_vit_outputs, 1u},
};
const uint32_t ptq_model_count = 1u;
#ifdef PTQ_TRACE

void shapes_vit_trace(int32_t step, const void *trace_arena);
void shapes_vit_trace(int32_t step, const void *trace_arena) {
  (void)trace_arena;
  ptq_observe(&ptq_models[0], step);
}
#endif
