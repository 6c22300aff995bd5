/*
 * What PTX instructions compute (PTX ISA 9.0, integers only), for kernels that were translated from nvcc's PTX to C++: one
 * function a kind of instruction, its type as template argument. Registers are unsigned; an argument is converted to the
 * instruction's type, a result extends by its sign where the register is wider.
 */
#ifndef PTX_SEMANTICS_H
#define PTX_SEMANTICS_H

#include <type_traits>

#include "ptx_memory.h"

namespace ptx {

template <class T>
using Unsigned = std::make_unsigned_t<T>;
template <class T>
using Wide = std::conditional_t<sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;
template <class T>
constexpr unsigned BITS = 8 * sizeof(T);

/* Sums and products modulo 2^n. */
template <class T>
T add(T a, T b) { return static_cast<T>(static_cast<Unsigned<T>>(a) + static_cast<Unsigned<T>>(b)); }
template <class T>
T sub(T a, T b) { return static_cast<T>(static_cast<Unsigned<T>>(a) - static_cast<Unsigned<T>>(b)); }
template <class T>
T mul_lo(T a, T b) { return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)); }
template <class T>
Wide<T> mul_wide(T a, T b) { return static_cast<Wide<T>>(static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b)); }
template <class T>
T mul_hi(T a, T b) {
  using Double = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
  return static_cast<T>(static_cast<Double>(a) * static_cast<Double>(b) >> BITS<T>);
}
template <class T>
T mad_lo(T a, T b, T c) { return add<T>(mul_lo<T>(a, b), c); }
template <class T>
T mad_hi(T a, T b, T c) { return add<T>(mul_hi<T>(a, b), c); }
template <class T>
Wide<T> mad_wide(T a, T b, Wide<T> c) { return add<Wide<T>>(mul_wide<T>(a, b), c); }
template <class T>
T neg(T a) { return sub<T>(0, a); }
template <class T>
T abs(T a) { return a < 0 ? neg<T>(a) : a; }
template <class T>
T min(T a, T b) { return a < b ? a : b; }
template <class T>
T max(T a, T b) { return a > b ? a : b; }

template <class T>
T bit_and(T a, T b) { return static_cast<T>(a & b); }
template <class T>
T bit_or(T a, T b) { return static_cast<T>(a | b); }
template <class T>
T bit_xor(T a, T b) { return static_cast<T>(a ^ b); }
template <class T>
T bit_not(T a) {
  if constexpr (std::is_same_v<T, bool>) return !a;
  else return static_cast<T>(~a);
}

/* Distances of all bits and more leave zeros, or copies of the sign. */
template <class T>
T shl(T a, uint32_t distance) { return distance >= BITS<T> ? T(0) : static_cast<T>(static_cast<Unsigned<T>>(a) << distance); }
template <class T>
T shr(T a, uint32_t distance) { return static_cast<T>(distance < BITS<T> ? a >> distance : std::is_signed_v<T> && a < 0 ? -1 : 0); }
inline uint32_t shf_l_wrap(uint32_t low, uint32_t high, uint32_t distance) { return __funnelshift_l(low, high, distance); }
inline uint32_t shf_r_wrap(uint32_t low, uint32_t high, uint32_t distance) { return __funnelshift_r(low, high, distance); }
inline uint32_t shf_l_clamp(uint32_t low, uint32_t high, uint32_t distance) { return distance >= 32 ? low : __funnelshift_l(low, high, distance); }
inline uint32_t shf_r_clamp(uint32_t low, uint32_t high, uint32_t distance) { return distance >= 32 ? high : __funnelshift_r(low, high, distance); }

/* `length` bits from `position` on; a signed field extends by its highest bit, or by that of a where it ends behind it. */
template <class T>
T bfe(T a, uint32_t position, uint32_t length) {
  position &= 255;
  length &= 255;
  if (length == 0) return 0;
  const uint32_t last = position + length - 1 < BITS<T> ? position + length - 1 : BITS<T> - 1;
  const bool sign = std::is_signed_v<T> && (shr<Unsigned<T>>(static_cast<Unsigned<T>>(a), last) & 1) != 0;
  Unsigned<T> field = 0;
  for (uint32_t i = 0; i < BITS<T>; i++) {
    const bool bit = i < length && position + i < BITS<T> ? (static_cast<Unsigned<T>>(a) >> (position + i) & 1) != 0 : sign;
    field |= static_cast<Unsigned<T>>(bit) << i;
  }
  return static_cast<T>(field);
}
template <class T>
T bfi(T field, T into, uint32_t position, uint32_t length) {
  const T ones = (length & 255) >= BITS<T> ? static_cast<T>(~T(0)) : static_cast<T>((T(1) << (length & 255)) - 1);
  const T mask = shl<T>(ones, position & 255);
  return static_cast<T>((into & ~mask) | (shl<T>(field, position & 255) & mask));
}
inline uint32_t prmt(uint32_t a, uint32_t b, uint32_t selector) { return __byte_perm(a, b, selector); }
inline uint32_t lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
  uint32_t result = 0;
  for (unsigned i = 0; i < 8; i++) {
    if ((table >> i & 1) != 0) result |= ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
  }
  return result;
}
template <class T>
uint32_t popc(T a) { return static_cast<uint32_t>(__builtin_popcountll(a)); }
template <class T>
uint32_t clz(T a) { return a == 0 ? BITS<T> : static_cast<uint32_t>(__builtin_clzll(a)) - (64 - BITS<T>); }
template <class T>
T brev(T a) {
  T result = 0;
  for (unsigned i = 0; i < BITS<T>; i++) result = static_cast<T>(result | (a >> i & 1) << (BITS<T> - 1 - i));
  return result;
}
/* Position of the highest bit that differs from the sign. */
template <class T>
uint32_t bfind(T a) {
  const Unsigned<T> bits = static_cast<Unsigned<T>>(a < 0 ? ~a : a);
  return bits == 0 ? 0xffffffffu : BITS<T> - 1 - clz<Unsigned<T>>(bits);
}

template <class T>
bool eq(T a, T b) { return a == b; }
template <class T>
bool ne(T a, T b) { return a != b; }
template <class T>
bool lt(T a, T b) { return a < b; }
template <class T>
bool le(T a, T b) { return a <= b; }
template <class T>
bool gt(T a, T b) { return a > b; }
template <class T>
bool ge(T a, T b) { return a >= b; }
template <class T>
T selp(T a, T b, bool first) { return first ? a : b; }

template <class To, class From>
To cvt(From a) { return static_cast<To>(a); }
template <class To, class From>
To cvt_sat(From a) {
  const __int128 value = a, low = std::numeric_limits<To>::min(), high = std::numeric_limits<To>::max();
  return static_cast<To>(value < low ? low : value > high ? high : value);
}

/* Bytes of a (A: of which sign) times bytes of b. */
template <class A, class B>
uint32_t dp4a(uint32_t a, uint32_t b, uint32_t c) {
  for (unsigned i = 0; i < 32; i += 8) c += static_cast<uint32_t>(static_cast<int32_t>(static_cast<std::conditional_t<std::is_signed_v<A>, int8_t, uint8_t>>(a >> i)) * static_cast<int32_t>(static_cast<std::conditional_t<std::is_signed_v<B>, int8_t, uint8_t>>(b >> i)));
  return c;
}
/* Halves of a times the two lower (upper) bytes of b. */
template <class A, class B>
uint32_t dp2a(uint32_t a, uint32_t b, uint32_t c, unsigned first) {
  for (unsigned i = 0; i < 2; i++) c += static_cast<uint32_t>(static_cast<int32_t>(static_cast<std::conditional_t<std::is_signed_v<A>, int16_t, uint16_t>>(a >> (16 * i))) * static_cast<int32_t>(static_cast<std::conditional_t<std::is_signed_v<B>, int8_t, uint8_t>>(b >> (8 * (first + i)))));
  return c;
}
template <class A, class B>
uint32_t dp2a_lo(uint32_t a, uint32_t b, uint32_t c) { return dp2a<A, B>(a, b, c, 0); }
template <class A, class B>
uint32_t dp2a_hi(uint32_t a, uint32_t b, uint32_t c) { return dp2a<A, B>(a, b, c, 2); }

template <class T>
T load(uint64_t at) {
  T value;
  std::memcpy(&value, reinterpret_cast<const void *>(at), sizeof value);
  return value;
}
template <class T>
void store(uint64_t at, T value) { std::memcpy(reinterpret_cast<void *>(at), &value, sizeof value); }

inline bool is_in_segment(uint32_t source, uint32_t clamp) { return (source & ~(clamp >> 8)) == (::ptq_emulation::lane() & ~(clamp >> 8)); }
inline int segment_of(uint32_t clamp) { return 32 - static_cast<int>(clamp >> 8 & 31); }

}  // namespace ptx

#endif
