/// \file noise_table.h
/// The table that the simulated interface draws its noise from.
#pragma once

#include "bench/rt/noise.h"

namespace lowleg::bench {

/// Made at the first call; unit variance to rounding. Any thread.
[[nodiscard]] const rt::NormalTable& normal_table();

}  // namespace lowleg::bench
