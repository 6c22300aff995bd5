/*
 * What kernels translated from PTX ask of a GPU, counted where PTX_PROFILE is defined: instructions of warps, products of tensor
 * cores, sectors of 32 bytes of device memory, and passes of shared memory (a pass takes one word of each of 32 banks). No time:
 * counts, which a GPU of any size shares. PTQ_CUDA_PROFILE names the file, a line a kernel.
 */
#ifndef PTX_PROFILE_H
#define PTX_PROFILE_H

#ifndef PTX_PROFILE
#define PTX_AT(site, products)
#define PTX_SEEN(memory, at, bytes) ((void)0)
#else

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "ptq_cuda.h"

#define PTX_AT(site, products) ::ptx::profile.step(site, products);
#define PTX_SEEN(memory, at, bytes) ::ptx::profile.seen(::ptx::memory, at, bytes)

namespace ptx {

enum Memory { DEVICE, SHARED };

/* One instruction of one warp that uses memory: what its lanes want. */
struct Request {
  Memory memory;
  unsigned bytes;
  std::vector<std::pair<unsigned, uint64_t>> lanes;
};

struct Counts {
  uint64_t warps = 0, instructions = 0, products = 0;
  uint64_t sectors = 0, fewest_sectors = 0, passes = 0, fewest_passes = 0;
};

inline uint64_t distinct(std::vector<uint64_t> &list) {
  std::sort(list.begin(), list.end());
  return static_cast<uint64_t>(std::unique(list.begin(), list.end()) - list.begin());
}

class Profile {
 public:
  ~Profile() {
    end_block();
    const char *path = std::getenv("PTQ_CUDA_PROFILE");
    std::FILE *file = path == nullptr ? nullptr : std::fopen(path, "w");
    if (file == nullptr) return;
    for (const auto &[name, c] : kernels_) {
      std::fprintf(file, "%s %llu %llu %llu %llu %llu %llu %llu\n", name.c_str(), ull(c.warps), ull(c.instructions), ull(c.products), ull(c.sectors), ull(c.fewest_sectors), ull(c.passes), ull(c.fewest_passes));
    }
    std::fclose(file);
  }

  void step(uint32_t site, uint32_t products) {
    if (block_ != ::ptq_emulation::block.number) begin_block();
    const unsigned thread = ::ptq_emulation::block.current;
    site_ = site;
    std::vector<uint32_t> &own = executed_[thread];
    if (own.size() <= site) own.resize(site + 64);
    own[site]++;
    if (thread % 32 == 0) counts_->products += products;
  }

  void seen(Memory memory, uint64_t at, unsigned bytes) {
    const unsigned thread = ::ptq_emulation::block.current;
    const uint64_t key = (static_cast<uint64_t>(site_) * 64 + thread / 32) << 24 | executed_[thread][site_];
    Request &request = requests_[key];
    request.memory = memory;
    request.bytes = bytes;
    request.lanes.push_back({thread % 32, at});
  }

 private:
  static unsigned long long ull(uint64_t value) { return value; }

  void begin_block() {
    end_block();
    block_ = ::ptq_emulation::block.number;
    counts_ = &kernels_[::ptq_emulation::block.kernel];
    executed_.assign(::ptq_emulation::block.threads, {});
    counts_->warps += (::ptq_emulation::block.threads + 31) / 32;
  }

  /* A warp executes what any of its lanes does. */
  void end_block() {
    for (size_t first = 0; first < executed_.size(); first += 32) {
      std::vector<uint32_t> most;
      for (size_t thread = first; thread < std::min(first + 32, executed_.size()); thread++) {
        if (most.size() < executed_[thread].size()) most.resize(executed_[thread].size());
        for (size_t site = 0; site < executed_[thread].size(); site++) most[site] = std::max(most[site], executed_[thread][site]);
      }
      for (const uint32_t times : most) counts_->instructions += times;
    }
    for (const auto &[key, request] : requests_) count(request);
    requests_.clear();
    executed_.clear();
  }

  void count(const Request &request) {
    if (request.memory == SHARED) return count_passes(request);
    std::vector<uint64_t> sectors, bytes;
    for (const auto &[lane, at] : request.lanes) {
      for (uint64_t byte = at; byte < at + request.bytes; byte++) {
        sectors.push_back(byte / 32);
        bytes.push_back(byte);
      }
    }
    counts_->sectors += distinct(sectors);
    counts_->fewest_sectors += (distinct(bytes) + 31) / 32;
  }

  /* Eight lanes at a time with 16 bytes each, 16 with 8, all with less; as many passes as the busiest bank has words. */
  void count_passes(const Request &request) {
    const unsigned lanes_of_phase = request.bytes == 16 ? 8 : request.bytes == 8 ? 16 : 32;
    std::map<unsigned, std::vector<uint64_t>> phases;
    for (const auto &[lane, at] : request.lanes) {
      for (uint64_t word = at / 4; word <= (at + request.bytes - 1) / 4; word++) phases[lane / lanes_of_phase].push_back(word);
    }
    for (auto &[phase, words] : phases) {
      words.resize(distinct(words));
      unsigned of_bank[32] = {};
      for (const uint64_t word : words) of_bank[word % 32]++;
      counts_->passes += *std::max_element(of_bank, of_bank + 32);
      counts_->fewest_passes += (words.size() + 31) / 32;
    }
  }

  std::map<std::string, Counts> kernels_;
  Counts *counts_ = nullptr;
  uint64_t block_ = 0;
  uint32_t site_ = 0;
  std::vector<std::vector<uint32_t>> executed_;
  std::unordered_map<uint64_t, Request> requests_;
};

inline Profile profile;

}  // namespace ptx

#endif

#endif
