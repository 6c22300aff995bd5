/* Generated: what the harness needs to know about the models. */
#include "harness.h"

#ifdef __AVR__
#define ALIGNED
#else
#define ALIGNED __attribute__((aligned(16)))
#endif
#ifndef PTQ_HOST
/* One model runs at a time: they share the arena. */
static ALIGNED uint8_t arena[11520u + PTQ_GUARD_BYTES];
#endif

void shapes_run(void *arena);
/* Only networks that remember something have it. */
__attribute__((weak)) void shapes_reset(void *arena);
#ifdef PTQ_HOST
/* An arena of its own, so that the address sanitizer sees its exact end. */
static ALIGNED uint8_t shapes_arena[11520u + PTQ_GUARD_BYTES];
#else
#define shapes_arena arena
#endif
static const PTQ_TABLE char shapes_name[] = "shapes";
static const PTQ_TABLE ptq_tensor shapes_tensors[] = {
  {8620u, 576u, -1},
  {0u, 9216u, 0},
  {9216u, 2304u, 1},
  {9216u, 2304u, 2},
  {0u, 3456u, 3},
  {3456u, 3456u, 4},
  {3456u, 3456u, 5},
  {0u, 3456u, 6},
  {5024u, 864u, 7},
  {3840u, 1440u, 8},
  {5280u, 1440u, 9},
  {5280u, 1440u, 10},
  {3840u, 1440u, 11},
  {3240u, 768u, 12},
  {96u, 48u, 13},
  {96u, 48u, 13},
  {96u, 8u, 14},
  {96u, 8u, 15},
};
static const PTQ_TABLE ptq_tensor shapes_inputs[] = {
  {8620u, 576u, -1},
};
static const PTQ_TABLE ptq_tensor shapes_outputs[] = {
  {96u, 8u, 15},
};

const PTQ_TABLE ptq_model ptq_models[] = {
  {shapes_name, shapes_run, shapes_reset, shapes_arena, 11520u, shapes_tensors, 18u, shapes_inputs, 1u, shapes_outputs, 1u},
};
const uint32_t ptq_model_count = 1u;
#ifdef PTQ_TRACE

void shapes_trace(int32_t step, const void *trace_arena);
void shapes_trace(int32_t step, const void *trace_arena) {
  (void)trace_arena;
  ptq_observe(&ptq_models[0], step);
}
#endif
