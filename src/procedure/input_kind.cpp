#include "procedure/input_kind.h"

#include "core/text.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

namespace lowleg::procedure {
namespace {

constexpr Hertz reference{1000.0};
/// Of a contact, S.
constexpr double contact = 50.0;
/// A leg that draws less is on nothing, S: no input is meant to have 20 MΩ.
constexpr double nothing = 1.0 / 20e6;

std::string ohms(double siemens) { return format_ohms(Ohms{1.0 / siemens}); }
double size(const std::optional<Measured>& m) { return m ? std::abs(m->value) : 0.0; }

bool is_nothing(const Measured& m) { return std::abs(m.value) < std::max(2.0 * m.uncertainty, nothing); }

/// How much of the other pin's voltage stands behind this pin's own admittance: 0 where the other has no part, 1 where both float.
struct Follow {
    double value{}, uncertainty{};
    [[nodiscard]] bool is_between(double low, double high) const { return value + uncertainty > low && value - uncertainty < high; }
};
Follow follow_of(const Measured& own, const Measured& into)
{
    const double y = std::abs(own.value);
    return {-(into.value / own.value).real(), std::hypot(into.uncertainty, own.uncertainty * std::abs(into.value) / y) / y};
}

/// The current between the legs lags where a winding's iron begins to short it: in the bass, and not at 1 kHz.
std::optional<double> bass_lag_degrees(const InputReading& reading, const InputLegs& middle)
{
    const auto& low = reading.at.front();
    if (!low.between || !middle.between || low.frequency > Hertz{100.0}) return std::nullopt;
    const double degrees = 180.0 / std::numbers::pi;
    const double lag = degrees * (std::arg(middle.between->value) - std::arg(low.between->value));
    const double wide = degrees * 2.0 * std::hypot(low.between->uncertainty / size(low.between), middle.between->uncertainty / size(middle.between));
    constexpr double least = 0.3;
    if (lag < std::max(wide, least)) return std::nullopt;
    return lag;
}

FoundInput find_unbalanced(const InputLegs& at)
{
    if (at.pin3_is_grounded)
        return {InputKind::unbalanced_pin3_grounded, "This input is unbalanced: pin 3 stands on ground (2 Ω at most), and pin 2 has " + ohms(size(at.own2)) + "."};
    return {InputKind::unbalanced_pin2_grounded,
            "Pin 2 stands on ground (2 Ω at most), and pin 3 has " + ohms(size(at.own3)) + ": this input is unbalanced and wired pin 3 hot, the leads are exchanged, or no probe reaches pin 2 (Rp2, its lead)."};
}

}  // namespace

std::string_view id_of(InputKind kind) noexcept
{
    switch (kind) {
    case InputKind::unbalanced_pin3_grounded: return "unbalanced-pin-3-grounded";
    case InputKind::unbalanced_pin3_open: return "unbalanced-pin-3-not-connected";
    case InputKind::unbalanced_pin3_resistor: return "unbalanced-pin-3-resistor";
    case InputKind::unbalanced_pin2_grounded: return "unbalanced-pin-2-grounded";
    case InputKind::difference_amplifier: return "difference-amplifier";
    case InputKind::difference_amplifier_pin2: return "difference-amplifier-pin-2-inverting";
    case InputKind::separate_legs: return "separate-legs";
    case InputKind::unequal_legs: return "unequal-legs";
    case InputKind::terminated_legs: return "terminated-legs";
    case InputKind::transformer: return "transformer";
    case InputKind::floating: return "floating";
    case InputKind::unclear: break;
    }
    return "unclear";
}

topology::InputAdmittances as_load(const InputLegs& legs) noexcept
{
    auto out = legs.y;
    if (legs.pin2_is_grounded) out.y22 = contact;
    if (legs.pin3_is_grounded) out.y33 = contact;
    return out;
}

FoundInput find_input(const InputReading& reading)
{
    const auto grounded = std::ranges::count_if(reading.at, [](const InputLegs& l) { return l.pin2_is_grounded || l.pin3_is_grounded; });
    const auto* at = reading.nearest(reference, &InputLegs::common);
    if (at == nullptr || 2 * grounded > std::ssize(reading.at)) {
        const auto one = std::ranges::find_if(reading.at, [](const InputLegs& l) { return l.pin2_is_grounded || l.pin3_is_grounded; });
        return one == reading.at.end() ? FoundInput{InputKind::unclear, "What this input is cannot be told: neither leg draws a current that could be read."} : find_unbalanced(*one);
    }
    const double y22 = size(at->own2), y33 = size(at->own3);
    if (is_nothing(*at->own3) && is_nothing(*at->into3) && !is_nothing(*at->own2))
        return {InputKind::unbalanced_pin3_open, "This input is unbalanced: pin 3 is on nothing (" + ohms(std::max(y33, at->own3->uncertainty)) + " or more), and pin 2 has " + ohms(y22) + "."};
    if (is_nothing(*at->own2) && is_nothing(*at->into2) && !is_nothing(*at->own3))
        return {InputKind::unclear, "Pin 2 is on nothing, and pin 3 has " + ohms(y33) + ": the lead of pin 2 is broken, or this is an insert or a stereo jack of which only the ring is an input."};
    constexpr double lifted_ground = 1.0 / 500.0;
    if (y33 > lifted_ground && y33 > 5.0 * y22)
        return {InputKind::unbalanced_pin3_resistor, "This input is unbalanced: pin 3 reaches ground through " + ohms(y33) + ", against " + ohms(y22) +
                                                         " at pin 2, which eases ground loops and balances nothing."};

    const auto of2 = follow_of(*at->own2, *at->into2);  // pin 3's part in pin 2's current
    const auto of3 = follow_of(*at->own3, *at->into3);
    constexpr double too_wide = 0.3;
    if (of2.uncertainty > too_wide || of3.uncertainty > too_wide)
        return {InputKind::unclear, "What this input is cannot be told: its legs draw so little (" + ohms(y22) + " and " + ohms(y33) + ") that their influence on each other hides in the uncertainty."};
    const auto part = [](const Follow& f) { return format_fixed(std::clamp(f.value, 0.0, 1.0), 2); };
    constexpr double none = 0.05, some = 0.2, most = 0.85;
    if (of2.value > most && of3.value > most) {
        const auto numbers = ohms(size(at->between)) + " between the legs, and both together " +
                             (is_nothing(*at->common) ? "nothing that could be told" : ohms(size(at->common))) + " to ground";
        if (const auto lag = bass_lag_degrees(reading, *at))
            return {InputKind::transformer, "This input is a transformer: it floats (" + numbers + "), and its current lags by " + format_fixed(*lag, 1) + "° more at " +
                                                format_hertz(reading.at.front().frequency) + " than at 1 kHz, as iron does."};
        constexpr double low = 1.0 / 300.0;
        return {InputKind::floating, "This input floats (" + numbers + "): a transformer, or an amplifier that bootstraps its legs; no iron shows in the bass." +
                                         (size(at->between) > low ? " So little between the legs is a microphone transformer's, or an output's that nothing drives." : "")};
    }
    if (std::abs(of2.value) < none + of2.uncertainty && of3.value > some && of3.value < most)
        return {InputKind::difference_amplifier, "This input is a difference amplifier of resistors, pin 3 on its inverting side: pin 2 has " + ohms(y22) + " whatever pin 3 does, pin 3 has " +
                                                     ohms(y33) + " of which the far end follows pin 2 by " + part(of3) + ". Its legs differ when one is driven, and need not in common mode (" +
                                                     ohms(size(at->common2)) + " and " + ohms(size(at->common3)) + ")."};
    if (std::abs(of3.value) < none + of3.uncertainty && of2.value > some && of2.value < most)
        return {InputKind::difference_amplifier_pin2, "This input is a difference amplifier of resistors with pin 2 on its inverting side (it inverts, is wired pin 3 hot, or the leads are exchanged): pin 3 has " +
                                                          ohms(y33) + " whatever pin 2 does, pin 2 has " + ohms(y22) + " of which the far end follows pin 3 by " + part(of2) + "."};
    if (std::abs(of2.value) < none + of2.uncertainty && std::abs(of3.value) < none + of3.uncertainty) {
        const double ratio = std::max(y22, y33) / std::min(y22, y33);
        constexpr double alike = 1.25;
        if (ratio < alike)
            return {InputKind::separate_legs, "Each leg has its own way to ground (" + ohms(y22) + " and " + ohms(y33) + "), and neither moves the other: two buffers with an instrumentation amplifier, or one buffer "
                                              "and a resistor on pin 3 that only balances the impedances. Impedances cannot tell these two; what the input does with common mode can (\"lowleg cmrr\")."};
        return {InputKind::unequal_legs, "Each leg has its own way to ground, and they are not alike (" + ohms(y22) + " and " + ohms(y33) + "): two inputs on one connector, as a stereo jack has, or an input that balances nothing."};
    }
    if (of2.is_between(none, most) && of3.is_between(none, most))
        return {InputKind::terminated_legs, "Something stands between the legs (" + ohms(size(at->between)) + ") and from each to ground (" + ohms(size(at->common2)) + " and " + ohms(size(at->common3)) +
                                                "): a pad or a termination, a transformer with resistors to ground, or buffers behind such."};
    return {InputKind::unclear, "What this input is cannot be told: pin 2 has " + ohms(y22) + " and follows pin 3 by " + part(of2) + ", pin 3 has " + ohms(y33) + " and follows pin 2 by " + part(of3) +
                                    ", which no usual input does."};
}

}  // namespace lowleg::procedure
