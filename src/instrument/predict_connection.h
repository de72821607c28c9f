/// \file predict_connection.h
/// A measured output, a cable and an input, told together from files and names.
#pragma once

#include "core/result.h"
#include "instrument/settings.h"
#include "procedure/measurement.h"

#include <filesystem>
#include <string>

namespace lowleg::instrument {

/// What a user writes; empty: the usual.
struct ConnectionText {
    std::filesystem::path from;  ///< Of "lowleg measure balance --json" or "lowleg identify --json".
    std::string input;           ///< As of named_input().
    std::string cable;           ///< "20,82,2": metres, pF per metre, per cent.
    std::string ground;          ///< "0.1,50": rms volts between the grounds, and the mains' frequency.
    std::string cmrr;            ///< "90" dB, of the input with its legs tied.
};

/// \return usage error of the first text that cannot be; failure of a file that is something else.
[[nodiscard]] Result<procedure::Measurement> predict_connection(const ConnectionText& text);

}  // namespace lowleg::instrument
