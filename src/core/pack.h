/// \file pack.h
/// Four numbers at a time, for the inner loops: the compiler's own vectors. With AVX2 a Pack is one register, without it two
/// or four. (What loops over plain numbers become differs between compilers, and by a factor of three.)
///
/// Functions of Packs are written once, as LOWLEG_INLINE, and made twice: by a caller marked LOWLEG_AVX2, which runs only
/// where `accelerated`, and by a plain one.
#pragma once

#include "core/realtime.h"

#include <cstddef>

#define LOWLEG_INLINE inline __attribute__((always_inline))

namespace lowleg {

using Pack = double __attribute__((vector_size(4 * sizeof(double))));

template <class Number>
inline constexpr std::size_t numbers_in = sizeof(Number) / sizeof(double);

/// Anywhere in memory, in one access. (Copied as bytes a Pack goes through memory in halves, and whoever reads it next waits.)
using PackInMemory [[gnu::aligned(alignof(double)), gnu::may_alias]] = Pack;
LOWLEG_INLINE void load(Pack& to, const double* from) LOWLEG_REALTIME { to = *reinterpret_cast<const PackInMemory*>(from); }
LOWLEG_INLINE void store(double* to, const Pack& from) LOWLEG_REALTIME { *reinterpret_cast<PackInMemory*>(to) = from; }
LOWLEG_INLINE void load(double& to, const double* from) LOWLEG_REALTIME { to = *from; }
LOWLEG_INLINE void store(double* to, const double& from) LOWLEG_REALTIME { *to = from; }

#if defined(__x86_64__)
#define LOWLEG_AVX2 __attribute__((target("avx2,fma")))
/// Asked when the program is loaded, before any audio runs.
inline const bool accelerated = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#else
#define LOWLEG_AVX2
inline constexpr bool accelerated = false;
#endif

}  // namespace lowleg
