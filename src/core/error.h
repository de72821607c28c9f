/// \file error.h
/// Why something could not be had: one sentence for the user, and what kind of failure it is.
#pragma once

#include <cstdint>
#include <string>

namespace lowleg {

enum class ErrorKind : std::uint8_t {
    failure,      ///< It could not be done (exit status 1).
    usage,        ///< It was asked for wrongly (exit status 2).
    interrupted,  ///< It was under way and had to stop: device gone, stopped by hand, unsafe for the gear (exit status 4).
};

struct Error {
    std::string message;  ///< One sentence: what, why, what to do. No final line break.
    ErrorKind kind{ErrorKind::failure};
};

}  // namespace lowleg
