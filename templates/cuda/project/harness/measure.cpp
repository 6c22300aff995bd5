/*
 * Many samples through one model, and times of whole batches; the same source serves the emulation and a real GPU.
 *
 *   program outputs SAMPLES COUNT BATCH CRCS    CRC-32 of the outputs of COUNT samples, 32 bits each, to the file CRCS
 *   program vector SAMPLES INDEX VECTORS        sample INDEX alone, to a file that harness.cpp reads
 *   program times BATCH ROUNDS REPEATS          milliseconds of one batch: ROUNDS figures, each the mean of REPEATS launches
 *
 * SAMPLES: "PTQS", then 32-bit words: samples, inputs; for each input its bytes, lowest and highest code (bytes, signed where
 * the lowest is negative); then the samples, inputs one after the other. Beyond its samples the file is repeated with noise.
 * One line on standard output: numbers, as JSON.
 */
#include "harness.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <vector>

namespace {

enum { USAGE = 2, NO_GPU = 77, DEVICE_FAILED = 6 };

[[noreturn]] void fail(const char *what, cudaError_t error) {
  fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
  exit(DEVICE_FAILED);
}

void check(const char *what, cudaError_t error) {
  if (error != cudaSuccess) fail(what, error);
}

[[noreturn]] void refuse(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(USAGE);
}

uint32_t crc_update(uint32_t crc, const uint8_t *data, size_t bytes) {
  static const std::vector<uint32_t> table = [] {
    std::vector<uint32_t> made(256);
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t value = byte;
      for (int bit = 0; bit < 8; bit++) value = (value & 1u) != 0 ? (value >> 1) ^ 0xedb88320u : value >> 1;
      made[byte] = value;
    }
    return made;
  }();
  for (size_t i = 0; i < bytes; i++) crc = table[(crc ^ data[i]) & 255u] ^ (crc >> 8);
  return crc;
}

struct Input {
  size_t bytes;
  int32_t low;
  int32_t high;
};

struct Samples {
  uint32_t count = 0;
  size_t sample_bytes = 0;
  std::vector<Input> inputs;
  std::vector<uint8_t> data;
};

uint32_t read_word(FILE *file) {
  uint8_t bytes[4];
  if (fread(bytes, 1, 4, file) != 4) refuse("the file of samples ends early");
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

Samples read_samples(const char *path, const PtqModel &model) {
  FILE *file = fopen(path, "rb");
  if (file == nullptr || read_word(file) != 0x53515450u) refuse("there is no file of samples");
  Samples samples;
  samples.count = read_word(file);
  if (samples.count == 0 || read_word(file) != model.input_count) refuse("the samples are those of another model");
  for (size_t i = 0; i < model.input_count; i++) {
    Input input;
    input.bytes = read_word(file);
    input.low = (int32_t)read_word(file);
    input.high = (int32_t)read_word(file);
    if (input.bytes != model.inputs[i].bytes) refuse("the samples are those of another model");
    samples.sample_bytes += input.bytes;
    samples.inputs.push_back(input);
  }
  samples.data.resize(samples.sample_bytes * samples.count);
  if (fread(samples.data.data(), 1, samples.data.size(), file) != samples.data.size()) refuse("the file of samples ends early");
  (void)fclose(file);
  return samples;
}

/* Sample `index` of input `input`: of the file, or with -8 to 8 added to every code of an earlier one. */
void write_sample(const Samples &samples, uint32_t index, size_t input, uint8_t *to) {
  size_t start = samples.sample_bytes * (index % samples.count);
  for (size_t i = 0; i < input; i++) start += samples.inputs[i].bytes;
  const Input &port = samples.inputs[input];
  const uint8_t *from = samples.data.data() + start;
  if (index < samples.count) {
    memcpy(to, from, port.bytes);
    return;
  }
  uint32_t state = (index * 2654435761u ^ (uint32_t)input * 2246822519u) | 1u;
  for (size_t i = 0; i < port.bytes; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    const int32_t code = port.low < 0 ? (int8_t)from[i] : from[i];
    to[i] = (uint8_t)std::min(port.high, std::max(port.low, code + (int32_t)((state >> 8) % 17u) - 8));
  }
}

/* One model with device memory for the inputs and outputs of a full batch. */
class Instance {
public:
  Instance(const PtqModel &given, int32_t given_batch) : model(given), batch(given_batch) {
    if (model.create(&created, batch) != 0) fail("create", cudaGetLastError());
    check("stream", cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    for (size_t i = 0; i < model.input_count; i++) inputs.push_back(allocate(model.inputs[i].bytes));
    for (size_t i = 0; i < model.output_count; i++) outputs.push_back(allocate(model.outputs[i].bytes));
  }
  Instance(const Instance &) = delete;
  Instance &operator=(const Instance &) = delete;
  ~Instance() {
    for (void *pointer : inputs) (void)cudaFree(pointer);
    for (void *pointer : outputs) (void)cudaFree(pointer);
    model.destroy(created);
    (void)cudaStreamDestroy(stream);
  }
  void run(int32_t samples) {
    if (model.run(created, samples, inputs.data(), outputs.data(), stream) != 0) fail("run", cudaGetLastError());
  }
  const PtqModel &model;
  const int32_t batch;
  cudaStream_t stream = nullptr;
  std::vector<void *> inputs;
  std::vector<void *> outputs;

private:
  void *allocate(size_t bytes) {
    void *pointer = nullptr;
    check("device memory", cudaMalloc(&pointer, bytes * (size_t)batch));
    check("device memory", cudaMemset(pointer, 1, bytes * (size_t)batch));
    return pointer;
  }
  void *created = nullptr;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/* Uploads, runs and downloads samples [first, first + count); CRCs of their outputs. */
void run_batch(Instance &instance, const Samples &samples, uint32_t first, int32_t count, uint32_t *crcs, double &seconds) {
  const PtqModel &model = instance.model;
  std::vector<std::vector<uint8_t>> hosts;
  for (size_t i = 0; i < model.input_count; i++) {
    hosts.emplace_back(model.inputs[i].bytes * (size_t)count);
    for (int32_t s = 0; s < count; s++) write_sample(samples, first + (uint32_t)s, i, hosts.back().data() + model.inputs[i].bytes * (size_t)s);
  }
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < model.input_count; i++) check("upload", cudaMemcpy(instance.inputs[i], hosts[i].data(), hosts[i].size(), cudaMemcpyHostToDevice));
  instance.run(count);
  check("run", cudaStreamSynchronize(instance.stream));
  std::vector<std::vector<uint8_t>> results;
  for (size_t i = 0; i < model.output_count; i++) {
    results.emplace_back(model.outputs[i].bytes * (size_t)count);
    check("download", cudaMemcpy(results.back().data(), instance.outputs[i], results.back().size(), cudaMemcpyDeviceToHost));
  }
  seconds += seconds_since(start);
  for (int32_t s = 0; s < count; s++) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < model.output_count; i++) crc = crc_update(crc, results[i].data() + model.outputs[i].bytes * (size_t)s, model.outputs[i].bytes);
    crcs[s] = ~crc;
  }
}

/* {"samples": n, "seconds": uploads, launches and downloads} */
int outputs(const PtqModel &model, char **arguments) {
  const Samples samples = read_samples(arguments[0], model);
  const uint32_t count = (uint32_t)atoi(arguments[1]);
  const int32_t batch = model.has_states ? 1 : atoi(arguments[2]);
  Instance instance(model, batch);
  std::vector<uint32_t> crcs(count);
  double seconds = 0;
  for (uint32_t first = 0; first < count; first += (uint32_t)batch) {
    run_batch(instance, samples, first, (int32_t)std::min((uint32_t)batch, count - first), &crcs[first], seconds);
  }
  FILE *file = fopen(arguments[3], "wb");
  if (file == nullptr || fwrite(crcs.data(), 4, count, file) != count || fclose(file) != 0) refuse("the CRCs cannot be written");
  printf("{\"samples\": %u, \"seconds\": %.6f}\n", count, seconds);
  return 0;
}

void write_words(FILE *file, std::initializer_list<uint32_t> words) {
  for (uint32_t word : words) {
    const uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16), (uint8_t)(word >> 24)};
    if (fwrite(bytes, 1, 4, file) != 4) refuse("the vector cannot be written");
  }
}

int vector(const PtqModel &model, char **arguments) {
  const Samples samples = read_samples(arguments[0], model);
  const uint32_t index = (uint32_t)atoi(arguments[1]);
  FILE *file = fopen(arguments[2], "wb");
  if (file == nullptr) refuse("the vector cannot be written");
  write_words(file, {0x56515450u, 0xffffffffu, 0xffffffffu, 0u, 0u});
  for (size_t i = 0; i < model.input_count; i++) {
    std::vector<uint8_t> codes(model.inputs[i].bytes);
    write_sample(samples, index, i, codes.data());
    if (fwrite(codes.data(), 1, codes.size(), file) != codes.size()) refuse("the vector cannot be written");
  }
  write_words(file, {0xffffffffu});
  return fclose(file) == 0 ? 0 : USAGE;
}

/* {"milliseconds": [one figure a round]} */
int times(const PtqModel &model, char **arguments) {
  Instance instance(model, atoi(arguments[0]));
  const int rounds = atoi(arguments[1]);
  const int repeats = atoi(arguments[2]);
  cudaEvent_t start, stop;
  check("events", cudaEventCreate(&start));
  check("events", cudaEventCreate(&stop));
  for (int warm = 0; warm < repeats; warm++) instance.run(instance.batch);
  printf("{\"milliseconds\": [");
  for (int round = 0; round < rounds; round++) {
    check("events", cudaEventRecord(start, instance.stream));
    for (int i = 0; i < repeats; i++) instance.run(instance.batch);
    check("events", cudaEventRecord(stop, instance.stream));
    check("events", cudaEventSynchronize(stop));
    float milliseconds = 0;
    check("events", cudaEventElapsedTime(&milliseconds, start, stop));
    printf("%s%.6f", round == 0 ? "" : ", ", (double)milliseconds / repeats);
  }
  printf("]}\n");
  (void)cudaEventDestroy(start);
  (void)cudaEventDestroy(stop);
  return 0;
}

} // namespace

/* Traces are the other harness's business. */
void ptq_observe(const PtqModel *, int32_t, const uint8_t *, int32_t, int32_t, cudaStream_t) {}

int main(int argc, char **argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    fprintf(stderr, "no GPU was found\n");
    return NO_GPU;
  }
  if (argc == 6 && strcmp(argv[1], "outputs") == 0) return outputs(ptq_models[0], argv + 2);
  if (argc == 5 && strcmp(argv[1], "vector") == 0) return vector(ptq_models[0], argv + 2);
  if (argc == 5 && strcmp(argv[1], "times") == 0) return times(ptq_models[0], argv + 2);
  refuse("usage: program outputs SAMPLES COUNT BATCH CRCS | vector SAMPLES INDEX VECTORS | times BATCH ROUNDS REPEATS");
}
