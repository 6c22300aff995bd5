/*
 * Runs the vectors of vectors.bin through the models, several at a time, and writes what it saw to output.log: the formats are
 * those of the C harness (harness.c). The same source serves the emulation on this machine and a real GPU.
 *
 * Environment: PTQ_BATCH, samples of a full batch (default: few, so that both full and partial batches occur); PTQ_TIME=n (GPU,
 * release builds): every model runs n more full batches, and timing.txt gets "<model> <batch> <milliseconds of one batch>".
 */
#include "harness.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr uint32_t NONE = 0xffffffffu;
constexpr size_t ROW_BYTES = 32;

enum { NO_VECTORS = 1, NOT_VECTORS = 2, VECTORS_END_EARLY = 3, NO_GPU = 77, DEVICE_FAILED = 6 };

struct Vector {
  uint32_t index;
  std::vector<std::vector<uint8_t>> inputs;
};


FILE *log_file;
uint32_t log_crc = NONE;
uint32_t dump_vector = NONE;
uint32_t dump_tensor = NONE;
const Vector *batch_start;       /* the vectors that run at present */
std::vector<std::string> traced; /* one text a vector of the batch */

uint32_t crc_update(uint32_t crc, const void *data, size_t bytes) {
  static uint32_t table[256];
  if (table[1] == 0) {
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t value = byte;
      for (int bit = 0; bit < 8; bit++) value = (value & 1u) != 0 ? (value >> 1) ^ 0xedb88320u : value >> 1;
      table[byte] = value;
    }
  }
  const uint8_t *byte = static_cast<const uint8_t *>(data);
  for (size_t i = 0; i < bytes; i++) crc = table[(crc ^ byte[i]) & 255u] ^ (crc >> 8);
  return crc;
}

void write_log(const std::string &text) {
  log_crc = crc_update(log_crc, text.data(), text.size());
  (void)fwrite(text.data(), 1, text.size(), log_file);
}

[[noreturn]] void fail(const char *what, cudaError_t error) {
  fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
  exit(DEVICE_FAILED);
}

void check(const char *what, cudaError_t error) {
  if (error != cudaSuccess) fail(what, error);
}

void append_bytes(std::string &text, const std::string &head, const uint8_t *data, size_t bytes, size_t start) {
  static const char digits[] = "0123456789abcdef";
  for (size_t offset = 0; offset < bytes; offset += ROW_BYTES) {
    text += "PTQ1 " + head + " " + std::to_string(start + offset) + " ";
    for (size_t i = offset; i < bytes && i < offset + ROW_BYTES; i++) {
      text += digits[data[i] >> 4];
      text += digits[data[i] & 15];
    }
    text += "\n";
  }
}

/* Device memory that is given back. */
class Buffer {
public:
  explicit Buffer(size_t bytes) { check("memory for the vectors", cudaMalloc(&pointer, bytes)); }
  Buffer(Buffer &&other) noexcept : pointer(other.pointer) { other.pointer = nullptr; }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  ~Buffer() { (void)cudaFree(pointer); }
  void *pointer = nullptr;
};

struct Ports {
  std::vector<Buffer> buffers;
  std::vector<void *> pointers;
  Ports(const PtqTensor *ports, size_t count, int32_t max_batch) {
    for (size_t i = 0; i < count; i++) {
      buffers.emplace_back(ports[i].bytes * (size_t)max_batch);
      pointers.push_back(buffers.back().pointer);
    }
  }
};

/* Full batches and a rest: 3 and 1 of four vectors, 2 and 1 of three. */
int32_t batch_of(const PtqModel &model, size_t vectors) {
  if (model.has_states) return 1;
  const char *given = getenv("PTQ_BATCH");
  if (given != nullptr) return atoi(given);
  return vectors > 3 ? 3 : vectors == 3 ? 2 : (int32_t)vectors;
}

void write_outputs(const PtqModel &model, const Ports &outputs, const Vector *vectors, int32_t batch) {
  std::vector<std::string> texts(traced);
  texts.resize((size_t)batch);
  size_t start = 0;
  for (size_t i = 0; i < model.output_count; i++) {
    const size_t bytes = model.outputs[i].bytes;
    std::vector<uint8_t> host(bytes * (size_t)batch);
    check("reading outputs", cudaMemcpy(host.data(), outputs.pointers[i], host.size(), cudaMemcpyDeviceToHost));
    for (int32_t sample = 0; sample < batch; sample++) {
      append_bytes(texts[(size_t)sample], "O " + std::to_string(vectors[sample].index), host.data() + bytes * (size_t)sample, bytes, start);
    }
    start += bytes;
  }
  for (const std::string &text : texts) write_log(text);
}

void run_batch(const PtqModel &model, void *instance, const Vector *vectors, int32_t batch, const Ports &inputs, const Ports &outputs, cudaStream_t stream) {
  for (size_t i = 0; i < model.input_count; i++) {
    const size_t bytes = model.inputs[i].bytes;
    for (int32_t sample = 0; sample < batch; sample++) {
      check("writing inputs", cudaMemcpy(static_cast<uint8_t *>(inputs.pointers[i]) + bytes * (size_t)sample, vectors[sample].inputs[i].data(), bytes, cudaMemcpyHostToDevice));
    }
  }
  batch_start = vectors;
  traced.assign((size_t)batch, "");
  const int status = model.run(instance, batch, inputs.pointers.data(), outputs.pointers.data(), stream);
  if (status != 0) fail("run", cudaGetLastError());
  check("run", cudaStreamSynchronize(stream));
  write_outputs(model, outputs, vectors, batch);
}

void time_batches(const PtqModel &model, void *instance, int32_t batch, int repeats, const Ports &inputs, const Ports &outputs, cudaStream_t stream) {
  cudaEvent_t start, stop;
  check("events", cudaEventCreate(&start));
  check("events", cudaEventCreate(&stop));
  for (int warm = 0; warm < 3; warm++) (void)model.run(instance, batch, inputs.pointers.data(), outputs.pointers.data(), stream);
  check("events", cudaEventRecord(start, stream));
  for (int i = 0; i < repeats; i++) (void)model.run(instance, batch, inputs.pointers.data(), outputs.pointers.data(), stream);
  check("events", cudaEventRecord(stop, stream));
  check("events", cudaEventSynchronize(stop));
  float milliseconds = 0;
  check("events", cudaEventElapsedTime(&milliseconds, start, stop));
  if (FILE *file = fopen("timing.txt", "a")) {
    fprintf(file, "%s %d %.6f\n", model.name, batch, (double)milliseconds / repeats);
    (void)fclose(file);
  }
  (void)cudaEventDestroy(start);
  (void)cudaEventDestroy(stop);
}

void run_model(const PtqModel &model, const std::vector<Vector> &vectors) {
  write_log(std::string("PTQ1 M ") + model.name + "\n");
  const int32_t max_batch = batch_of(model, vectors.size());
  void *instance = nullptr;
  if (model.create(&instance, max_batch) != 0) fail("create", cudaGetLastError());
  {
    cudaStream_t stream;
    check("stream", cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    const Ports inputs(model.inputs, model.input_count, max_batch);
    const Ports outputs(model.outputs, model.output_count, max_batch);
    for (size_t first = 0; first < vectors.size(); first += (size_t)max_batch) {
      const size_t left = vectors.size() - first;
      run_batch(model, instance, &vectors[first], left < (size_t)max_batch ? (int32_t)left : max_batch, inputs, outputs, stream);
    }
    const char *repeats = getenv("PTQ_TIME");
    if (repeats != nullptr) time_batches(model, instance, max_batch, atoi(repeats), inputs, outputs, stream);
    check("stream", cudaStreamDestroy(stream));
  }
  model.destroy(instance);
}

bool read_word(FILE *file, uint32_t &word) {
  uint8_t bytes[4];
  if (fread(bytes, 1, 4, file) != 4) return false;
  word = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
  return true;
}

/* 0, or why not; `use` gets all vectors of one model at a time. */
template <class Use> int read_vectors(FILE *file, Use use) {
  uint32_t magic = 0;
  if (!read_word(file, magic) || magic != 0x56515450u || !read_word(file, dump_vector) || !read_word(file, dump_tensor)) return NOT_VECTORS;
  uint32_t current = NONE;
  std::vector<Vector> vectors;
  for (;;) {
    uint32_t index = NONE;
    if (!read_word(file, index)) return VECTORS_END_EARLY;
    if (index != current && !vectors.empty()) {
      use(ptq_models[current], vectors);
      vectors.clear();
    }
    if (index == NONE) return 0;
    if (index >= ptq_model_count) return NOT_VECTORS;
    current = index;
    Vector vector;
    if (!read_word(file, vector.index)) return VECTORS_END_EARLY;
    for (size_t i = 0; i < ptq_models[index].input_count; i++) {
      std::vector<uint8_t> bytes(ptq_models[index].inputs[i].bytes);
      if (fread(bytes.data(), 1, bytes.size(), file) != bytes.size()) return VECTORS_END_EARLY;
      vector.inputs.push_back(std::move(bytes));
    }
    vectors.push_back(std::move(vector));
  }
}

} // namespace

void ptq_observe(const PtqModel *model, int32_t step, const uint8_t *arena, int32_t max_batch, int32_t batch, cudaStream_t stream) {
  const cudaError_t error = cudaStreamSynchronize(stream);
  if (error != cudaSuccess) {
    fprintf(stderr, "step %d of %s: %s\n", step, model->name, cudaGetErrorString(error));
    exit(DEVICE_FAILED);
  }
  for (size_t i = 0; i < model->tensor_count; i++) {
    const PtqTensor &tensor = model->tensors[i];
    if (tensor.step != step) continue;
    std::vector<uint8_t> host(tensor.bytes * (size_t)batch);
    check("reading a tensor", cudaMemcpy(host.data(), arena + tensor.offset * (size_t)max_batch, host.size(), cudaMemcpyDeviceToHost));
    for (int32_t sample = 0; sample < batch; sample++) {
      const uint8_t *data = host.data() + tensor.bytes * (size_t)sample;
      const std::string place = std::to_string(batch_start[sample].index) + " " + std::to_string(i);
      char sum[16];
      (void)snprintf(sum, sizeof sum, " %08x\n", ~crc_update(NONE, data, tensor.bytes));
      traced[(size_t)sample] += "PTQ1 T " + place + sum;
      if (i == dump_tensor && batch_start[sample].index == dump_vector) append_bytes(traced[(size_t)sample], "D " + place, data, tensor.bytes, 0);
    }
  }
}

/* 0: all ran; 1: no vectors; 2: not a file of vectors; 3: it ends early; 6: the device failed; 77: there is no GPU. */
int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    fprintf(stderr, "no GPU was found\n");
    return NO_GPU;
  }
  FILE *file = fopen("vectors.bin", "rb");
  log_file = fopen("output.log", "wb");
  if (file == nullptr || log_file == nullptr) return NO_VECTORS;
  const int status = read_vectors(file, run_model);
  (void)fclose(file);
  char end[32];
  (void)snprintf(end, sizeof end, "PTQ1 END %08x\n", ~log_crc);
  if (status == 0) (void)fputs(end, log_file);
  (void)fclose(log_file);
  return status;
}
