/// \file denormals.h
/// Denormal numbers make arithmetic up to twenty times slower, just when a signal fades away.
#pragma once

#include "core/realtime.h"

#include <cstdint>

namespace lowleg::engine::rt {

/// While it lives, this thread takes and makes denormal numbers as 0; then the thread's own setting comes back. For the
/// audio callback only: an analysis that rounds denormals does not match its reference. Elsewhere than on x86 and 64-bit ARM
/// it does nothing.
class DenormalsOff {
public:
    DenormalsOff() LOWLEG_REALTIME : before_{read()} { write(before_ | off_bits); }
    DenormalsOff(const DenormalsOff&) = delete;
    DenormalsOff& operator=(const DenormalsOff&) = delete;
    ~DenormalsOff() LOWLEG_REALTIME { write(before_); }

private:
#if defined(__x86_64__) || defined(__SSE2__)
    using Word = std::uint32_t;
    static constexpr Word off_bits = 0x8040;  // MXCSR: FTZ (bit 15), DAZ (bit 6)
    static Word read() LOWLEG_REALTIME
    {
        Word word = 0;
        asm volatile("stmxcsr %0" : "=m"(word));
        return word;
    }
    static void write(Word word) LOWLEG_REALTIME { asm volatile("ldmxcsr %0" : : "m"(word)); }
#elif defined(__aarch64__)
    using Word = std::uint64_t;
    static constexpr Word off_bits = 1U << 24U;  // FPCR: FZ, inputs and results
    static Word read() LOWLEG_REALTIME
    {
        Word word = 0;
        asm volatile("mrs %0, fpcr" : "=r"(word));
        return word;
    }
    static void write(Word word) LOWLEG_REALTIME { asm volatile("msr fpcr, %0" : : "r"(word)); }
#else
    using Word = std::uint32_t;
    static constexpr Word off_bits = 0;
    static Word read() LOWLEG_REALTIME { return 0; }
    static void write(Word) LOWLEG_REALTIME {}
#endif

    Word before_;
};

}  // namespace lowleg::engine::rt
