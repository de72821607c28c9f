/// \file one_sentence.h
/// What every fuzz target demands of an error.
#pragma once

#include "core/error.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace lowleg::fuzz {

inline void demand(bool is_so, const char* what)
{
    if (is_so) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

inline void demand_sentence(const std::string& message)
{
    demand(!message.empty() && message.size() < 4000 && message.find('\n') == std::string::npos, "a message that is not one sentence");
}
inline void demand_sentence(const Error& error) { demand_sentence(error.message); }

}  // namespace lowleg::fuzz
