/// \file decay.h
/// What a DUT still settles from while it is measured.
#pragma once

#include "core/record.h"

namespace lowleg::analysis {

/// Takes A·e^(−t/τ) out of each leg of consecutive periods, with A and τ (20 ms to 3 s) that explain best by what the periods differ: a coupling
/// capacitor or a core that still settles after the signal began or the switch has moved. What repeats in every period is not touched.
/// Left as it is: a leg in whose differences no such decay stands out of the noise (less than 1 of 10⁸ by chance), fewer than two
/// periods, periods that do not follow on each other.
/// \return whether anything was taken out.
bool remove_decay(Record& record);

}  // namespace lowleg::analysis
