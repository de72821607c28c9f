/// \file no_drive.h
/// Gear that has no input: what its measurement lacks, and what is said of it.
#pragma once

#include "core/result.h"
#include "procedure/identify.h"
#include "procedure/state_recognition.h"

namespace lowleg::procedure {

/// \return usage error where this way of driving cannot be, or cannot do what is asked for.
[[nodiscard]] Status check_drive(const IdentifyOptions& options);

/// The same without the drive's tones, which hold noise where nothing drives.
[[nodiscard]] Readings without_drive(Readings readings);

/// A verdict from the probe alone: a note on what it leaves open, and the step that would tell more. Its polarity is unknown.
void say_what_the_probe_cannot_tell(Identification& result);

}  // namespace lowleg::procedure
