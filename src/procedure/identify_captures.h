/// \file identify_captures.h
/// The same judgement from recordings of the stimulus file, one WAV per state.
#pragma once

#include "procedure/identify.h"

#include <filesystem>

namespace lowleg::procedure {

/// Reads `through.wav` and any of `loaded.wav`, `grounded.wav`, `lifted.wav` from `folder`: channel 1 pin 2 (i2), channel 2 pin 3 (i3),
/// recorded while the stimulus played in a loop, starting anywhere, ≥ 1.2 periods each.
/// \return failure naming the file and what is wrong with it: missing, not audio, mono, too short, of another rate than the others,
///         clipped, exactly zero, without the stimulus, or with a clock too far off.
Result<Identification> identify_captures(const std::filesystem::path& folder, const IdentifyOptions& options);

}  // namespace lowleg::procedure
