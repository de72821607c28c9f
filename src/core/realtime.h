/// \file realtime.h
/// LOWLEG_REALTIME marks every function that the audio callback may reach. It is a promise: no allocation, no lock,
/// no system call, no exception, no log, bounded time. Write it after the parameter list.
///
/// Clang ≥ 20 checks the promise (-Wfunction-effects, -fsanitize=realtime: preset `rtsan`). Other compilers see only
/// noexcept; there, the guard in tests/support/ catches what is called while the callback runs.
#pragma once

#if defined(__clang__) && __has_cpp_attribute(clang::nonblocking)
#define LOWLEG_REALTIME noexcept [[clang::nonblocking]]
#else
#define LOWLEG_REALTIME noexcept
#endif
