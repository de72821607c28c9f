/// \file realtime_guard.h
/// Catches what the audio thread must not call, while it runs, with any compiler: malloc and its kin, locks, waits, input and
/// output, sleeping. (RealtimeSanitizer catches more, with clang: preset `rtsan`.)
///
/// A program that uses it gets its own definitions of these functions, which count when called inside a RealtimeScope and then
/// do their work. It does not see: atomics that spin, instructions that trap, system calls made inside the C library itself.
#pragma once

#include <string>

namespace lowleg::testing {

/// False under a sanitizer, which has these functions for itself: then nothing is ever counted.
[[nodiscard]] bool realtime_guard_works() noexcept;

/// While it lives, forbidden calls of this thread are counted. Scopes do not nest.
class RealtimeScope {
public:
    RealtimeScope() noexcept;
    RealtimeScope(const RealtimeScope&) = delete;
    RealtimeScope& operator=(const RealtimeScope&) = delete;
    ~RealtimeScope();
};

/// What the scopes of this thread have caught since the last call: count and first name.
struct Caught {
    int calls{0};
    std::string first;  ///< "malloc"; empty when nothing was caught.
};
[[nodiscard]] Caught take_caught();

}  // namespace lowleg::testing
