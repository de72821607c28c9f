/// \file text.h
/// Numbers as a technician writes them. Independent of the locale: the decimal sign is always a point.
#pragma once

#include "core/units.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace lowleg {

/// Shortest text that reads back as the same double ("0.1", "1e-12", "nan").
[[nodiscard]] std::string format_number(double value);
/// `digits` after the point.
[[nodiscard]] std::string format_fixed(double value, int digits);
/// The same with U+2212 for the minus, and none before zeros: for people.
[[nodiscard]] std::string format_signed(double value, int digits);
/// "−30.0 dBFS", with U+2212.
[[nodiscard]] std::string format_dbfs(Dbfs level, int digits);
/// Signed, with unit: "+5.94 dB". The minus is U+2212 ("−26.10 dB"). 0 has no sign.
[[nodiscard]] std::string format_db(GainDb gain, int digits = 2);
/// "1.61 kΩ", "10 kΩ", "1 MΩ": three significant digits, no needless zeros after the point.
[[nodiscard]] std::string format_ohms(Ohms r);
/// "22 Hz", "1.01 kHz", "16.4 kHz": three significant digits.
[[nodiscard]] std::string format_hertz(Hertz f);

/// A number as technicians write it, whole text: "10k", "4.7", "200p", "1meg", "1e3", "2.2u", "47ohm". A capital M is
/// refused, because it means mega to people and milli to SPICE: write "1meg" or "1m".
/// \return false, leaving `out` untouched, when `text` is no such number.
[[nodiscard]] bool parse_engineering(std::string_view text, double& out);

/// Letters to insert, delete or replace to make `b` of `a` (Levenshtein): small for a slip of the keyboard.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace lowleg
