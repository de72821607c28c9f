/// \file estimator.h
/// The estimator behind read_multitone, on samples in double precision.
#pragma once

#include "analysis/multitone.h"
#include "analysis/spectra.h"

#include <span>

namespace lowleg::analysis {

/// How read_multitone treats the mains.
enum class HumRemoval : bool { off, on };

/// As read_multitone(Record, TonePlan), for periods of doubles. `off` leaves the hum in: for tests, and for signals that are known
/// to be free of it. \param plan  may be without tones: then hum and residue are read.
Result<MultitoneReading> read_multitone(std::span<const PeriodView> periods, const TonePlan& plan,
                                        HumRemoval hum = HumRemoval::on);

}  // namespace lowleg::analysis
