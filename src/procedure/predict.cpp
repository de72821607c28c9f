#include "procedure/predict.h"

#include "core/text.h"
#include "files/json_text.h"
#include "topology/verdict.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace lowleg::procedure {
namespace {

using files::Json;
using topology::EntryStatus;
using topology::FarEnd;
using topology::LoadPoint;
using topology::OutputBuild;
using topology::PredictedLevel;
using topology::PredictedLevels;
using topology::TwoPort;

constexpr double normal_95 = 1.96;

std::string_view text_of(const Json& object, std::string_view key)
{
    const auto* member = object.find(key);
    return member == nullptr ? std::string_view{} : member->string().value_or(std::string_view{});
}

/// \return 0 where there is no frequency.
Hertz frequency_of(const Json& row)
{
    const auto* member = row.find("frequency_hz");
    const double hertz = member == nullptr ? 0.0 : member->number().value_or(0.0);
    return Hertz{std::isfinite(hertz) && hertz > 0.0 ? hertz : 0.0};
}

Error damaged(const std::string& what) { return Error{"the result holds " + what + ": give it as \"lowleg identify --json\" printed it"}; }

OutputBuild build_of(std::string_view topology)
{
    if (topology == "transformer" || topology == "cross-coupled") return OutputBuild::floating;
    if (topology == "transformer-center-tapped") return OutputBuild::center_tapped;
    if (topology == "inconclusive" || topology == "no-signal" || topology.empty()) return OutputBuild::unknown;
    return OutputBuild::amplifiers;
}

/// That of the verdict, or of all candidates that count, if they are built alike.
OutputBuild build_of(const Json& result)
{
    const auto verdict = text_of(result, "verdict");
    if (verdict != "inconclusive") return build_of(verdict);
    constexpr double counts = 0.02;
    std::optional<OutputBuild> common;
    const auto* alternatives = result.find("alternatives");
    if (alternatives == nullptr || alternatives->elements() == nullptr) return OutputBuild::unknown;
    for (const auto& candidate : *alternatives->elements()) {
        const auto* probability = candidate.find("probability");
        if (probability == nullptr || probability->number().value_or(0.0) < counts) continue;
        const auto build = build_of(text_of(candidate, "topology"));
        if (common && *common != build) return OutputBuild::unknown;
        common = build;
    }
    return common.value_or(OutputBuild::unknown);
}

Result<std::vector<TwoPort>> two_ports_of(const Json& result)
{
    const auto* list = result.find("two_port");
    if (list == nullptr || list->elements() == nullptr || list->elements()->empty())
        return Error{"the result holds no two-port, from which another load could be told: identify again with the probe resistors fitted"};
    std::vector<TwoPort> out;
    for (const auto& row : *list->elements()) {
        TwoPort t;
        t.frequency = frequency_of(row);
        if (t.frequency.value() == 0.0) return damaged("a two-port without its frequency");
        const auto* status = row.find("status");
        const auto* uncertainty = row.find("uncertainty");
        for (const auto& [name, entry] : {std::pair{"e2", &t.e2}, std::pair{"e3", &t.e3}, std::pair{"z22", &t.z22},
                                          std::pair{"z23", &t.z23}, std::pair{"z32", &t.z32}, std::pair{"z33", &t.z33}}) {
            const auto* value = row.find(name);
            const auto z = value == nullptr ? std::nullopt : value->complex();
            if (!z) continue;  // null: unknown
            entry->value = *z;
            const auto said = status == nullptr ? std::string_view{"measured"} : text_of(*status, name);
            entry->status = said == "measured" ? EntryStatus::measured : said == "assumed" ? EntryStatus::assumed : EntryStatus::unknown;
            if (const auto* u = uncertainty == nullptr ? nullptr : uncertainty->find(name)) entry->sigma = u->number().value_or(0.0) / normal_95;
        }
        out.push_back(t);
    }
    std::ranges::sort(out, {}, [](const TwoPort& t) { return t.frequency; });
    return out;
}

/// \return none when the result holds none.
std::optional<Fixture> fixture_of(const Json& result)
{
    const auto* json = result.find("fixture");
    if (json == nullptr) return std::nullopt;
    Fixture fixture;
    const auto number = [&](std::string_view key, double fallback) {
        const auto* member = json->find(key);
        return member == nullptr ? fallback : member->number().value_or(fallback);
    };
    const auto pair = [&](std::string_view key) -> std::optional<Complex> {
        const auto* member = json->find(key);
        return member == nullptr ? std::nullopt : member->complex();
    };
    if (const auto rin = pair("rin_ohm")) fixture.rin2 = Ohms{rin->real()}, fixture.rin3 = Ohms{rin->imag()};
    fixture.cin = Farads{number("cin_farad", fixture.cin.value())};
    fixture.rg = Ohms{number("rg_ohm", fixture.rg.value())};
    fixture.rs = Ohms{number("rs_ohm", fixture.rs.value())};
    fixture.probe.reset();
    if (const auto rp = pair("rp_ohm")) fixture.probe = ProbeResistors{Ohms{rp->real()}, Ohms{rp->imag()}};
    if (!fixture.check()) return std::nullopt;
    return fixture;
}

Result<std::vector<LoadPoint>> load_points_of(const Json& result)
{
    std::vector<LoadPoint> out;
    const auto* list = result.find("load_points");
    if (list == nullptr || list->elements() == nullptr) return out;
    for (const auto& row : *list->elements()) {
        const auto get = [&](const Json& object, std::string_view key) -> std::optional<Complex> {
            const auto* member = object.find(key);
            return member == nullptr ? std::nullopt : member->complex();
        };
        const auto frequency = frequency_of(row);
        const auto v2 = get(row, "v2");
        const auto v3 = get(row, "v3");
        const auto i2 = get(row, "i2");
        const auto i3 = get(row, "i3");
        if (frequency.value() == 0.0 || !v2 || !v3 || !i2 || !i3) return damaged("a load point that is not whole");
        if (*v2 == 0.0) continue;
        LoadPoint at{frequency, *v2, *v3, *i2, *i3, {}};
        if (const auto* y = row.find("siemens")) {
            const auto y22 = get(*y, "y22");
            const auto y23 = get(*y, "y23");
            const auto y32 = get(*y, "y32");
            const auto y33 = get(*y, "y33");
            if (y22 && y23 && y32 && y33) at.y = LoadPoint::Admittances{*y22, *y23, *y32, *y33};
        }
        out.push_back(at);
    }
    std::ranges::sort(out, {}, [](const LoadPoint& at) { return at.frequency; });
    return out;
}

FarEnd::Pin3 pin3_of(const Json& result, const PredictedInput& input)
{
    if (!input.unbalanced) return FarEnd::Pin3::loaded;
    const auto* advice = result.find("advice");
    const auto wiring = advice == nullptr ? std::string_view{} : text_of(*advice, "unbalanced_input");
    const bool grounded = wiring == topology::id_of(topology::UnbalancedWiring::ground_pin3) || wiring == topology::id_of(topology::UnbalancedWiring::pin3_to_far_ground);
    return grounded ? FarEnd::Pin3::grounded : FarEnd::Pin3::open;
}

std::optional<PredictedLevel> between(const std::optional<PredictedLevel>& a, const std::optional<PredictedLevel>& b, double share)
{
    if (!a || !b) return std::nullopt;
    const auto mix = [&](GainDb x, GainDb y) { return x + share * (y - x); };
    return PredictedLevel{mix(a->value, b->value), mix(a->least, b->least), mix(a->most, b->most)};
}

/// Levels change smoothly with ln f between neighbouring tones; beyond the last tone the last one stands.
PredictedLevels at_frequency(const std::vector<PredictedLevels>& levels, Hertz f)
{
    const auto above = std::ranges::lower_bound(levels, f, {}, [](const PredictedLevels& l) { return l.frequency; });
    if (above == levels.end()) return levels.back();
    if (above == levels.begin() || above->frequency == f) return *above;
    const auto& a = *(above - 1);
    const auto& b = *above;
    const double share = std::log(f / a.frequency) / std::log(b.frequency / a.frequency);
    return {f, between(a.differential, b.differential, share), between(a.pin2, b.pin2, share), between(a.pin3, b.pin3, share), std::max(a.status, b.status)};
}

/// "z22, z33": the impedances that were not measured at some frequency.
std::string not_measured(const std::vector<TwoPort>& two_ports)
{
    std::string out;
    const auto add = [&](const char* name, topology::Entry TwoPort::*entry) {
        if (std::ranges::any_of(two_ports, [&](const TwoPort& t) { return (t.*entry).status != EntryStatus::measured; })) out += (out.empty() ? "" : ", ") + std::string{name};
    };
    add("z22", &TwoPort::z22);
    add("z23", &TwoPort::z23);
    add("z32", &TwoPort::z32);
    add("z33", &TwoPort::z33);
    return out;
}

std::string assumption_of(OutputBuild build)
{
    switch (build) {
    case OutputBuild::amplifiers: return "build-out resistors from 0 to 600 Ω";
    case OutputBuild::center_tapped: return "0 to 600 Ω in each half of the winding";
    case OutputBuild::floating: return "20 Ω to 1 kΩ between the legs and anything above 300 Ω to ground";
    case OutputBuild::unknown: break;
    }
    return "any kind of output";
}

void add_costs(Prediction& p, const std::vector<TwoPort>& two_ports, OutputBuild build)
{
    const auto count = [&](EntryStatus status) { return std::ranges::count(p.levels, status, &PredictedLevels::status); };
    const auto share = [&](std::ptrdiff_t n) { return n == static_cast<std::ptrdiff_t>(p.levels.size()) ? std::string{"at all frequencies"} : "at " + std::to_string(n) + " of " + std::to_string(p.levels.size()) + " frequencies"; };
    if (const auto n = count(EntryStatus::assumed); n > 0) {
        const auto which = not_measured(two_ports);
        std::string cost = (which.empty() ? "Impedances were" : which + (which.find(',') == std::string::npos ? " was" : " were")) + " not measured: " + share(n) +
                           " the levels hold for " + assumption_of(build);
        double widest = 0.0;
        Hertz where{};
        for (const auto& at : p.levels)
            if (at.status == EntryStatus::assumed && at.differential && (at.differential->most - at.differential->least).value() > widest) {
                widest = (at.differential->most - at.differential->least).value();
                where = at.frequency;
            }
        p.costs.push_back(cost + ", which leaves up to " + format_fixed(widest, 2) + " dB open (at " + format_hertz(where) + "); the probe resistors and the state \"lifted\" would tell.");
    }
    if (const auto n = count(EntryStatus::unknown); n > 0) p.costs.push_back("Nothing can be said " + share(n) + ".");
}

}  // namespace

Result<PredictedInput> predicted_input_of(std::string_view text)
{
    const auto wrong = [&](const std::string& why) {
        return Error{"a load cannot be \"" + std::string{text} + "\": " + why + "; give ohms, or ohms and a capacitance, as in 600, 10k or 10k,1n", ErrorKind::usage};
    };
    PredictedInput input;
    const auto comma = text.find(',');
    double ohms{};
    if (!parse_engineering(text.substr(0, comma), ohms)) return wrong("its resistance is no number");
    if (!std::isfinite(ohms) || ohms <= 0.0) return wrong("its resistance is not above 0");
    input.resistance = Ohms{ohms};
    if (comma == std::string_view::npos) return input;
    auto capacitance = text.substr(comma + 1);
    while (capacitance.starts_with(' ')) capacitance.remove_prefix(1);
    double farads{};
    if (!parse_engineering(capacitance, farads)) return wrong("its capacitance is no number");
    // Bare numbers are picofarads, as everywhere on the command line.
    if (capacitance.find_first_not_of("+-.0123456789") == std::string_view::npos) farads *= 1e-12;
    constexpr double most_farads = 1e-3;
    if (!std::isfinite(farads) || farads < 0.0 || farads > most_farads) return wrong("its capacitance is not between 0 and 1 mF");
    input.capacitance = Farads{farads};
    return input;
}

Result<Prediction> predict(std::string_view result_json, const PredictedInput& input)
{
    const auto parsed = files::parse_json(result_json);
    if (!parsed) return parsed.error();
    const auto& result = parsed.value();
    constexpr std::string_view schema = "lowleg.identify/1";
    if (text_of(result, "schema") != schema) {
        const auto found = text_of(result, "schema");
        return Error{found == "lowleg.identify-all/1" ? std::string{"these are several results: give one, as \"lowleg identify --bench NAME --json\" prints it"}
                     : found.empty() ? "it is no result of \"lowleg identify --json\": it names no schema"
                                     : "it is a " + std::string{found} + ", and predicting needs a " + std::string{schema} + ": give what \"lowleg identify --json\" printed"};
    }
    Prediction p;
    p.verdict = text_of(result, "verdict");
    if (p.verdict == "no-signal") return Error{"the result is no-signal: what carries no signal has no level at any input"};
    if (const auto* hot = result.find("pin3_hot"); hot != nullptr && hot->truth().value_or(false))
        return Error{"in this result the signal was on pin 3 and nothing else was measured: exchange the leads of pin 2 and pin 3 at the fixture and identify again"};
    if (const auto* probability = result.find("probability")) p.probability = probability->number().value_or(0.0);
    if (const auto* quality = result.find("quality")) p.is_virtual_bench = text_of(*quality, "source") == "virtual-bench";
    p.input = input;
    p.pin3 = pin3_of(result, input);

    const auto two_ports = two_ports_of(result);
    if (!two_ports) return two_ports.error();
    auto points = load_points_of(result);
    if (!points) return points.error();
    const auto fixture = fixture_of(result);
    p.fixture = fixture.value_or(Fixture{});
    if (!fixture) p.costs.push_back("The result does not say which fixture it was measured with: inputs and probe resistors of 10 kΩ were taken.");
    if (points.value().empty()) {
        for (const auto& t : two_ports.value())
            if (const auto at = topology::load_point(t, p.fixture)) points.value().push_back(*at);
        if (points.value().empty())
            return Error{"nothing follows from this two-port: entries are unknown at every frequency; identify again with the probe resistors and the state \"lifted\""};
    }

    const auto build = build_of(result);
    const FarEnd far_end{input.resistance, input.capacitance, p.pin3};
    for (const auto& at : points.value()) {
        const auto t = std::ranges::find(two_ports.value(), at.frequency, &TwoPort::frequency);
        p.levels.push_back(topology::predict_levels(at, t == two_ports.value().end() ? nullptr : &*t, build, far_end));
    }
    if (std::ranges::all_of(p.levels, [](const PredictedLevels& l) { return l.status == EntryStatus::unknown; }))
        return Error{"nothing can be said of this output at another load: its impedances were not measured, and no plausible ones fit"};
    p.at_1khz = at_frequency(p.levels, Hertz{1000.0});
    add_costs(p, two_ports.value(), build);
    return p;
}

}  // namespace lowleg::procedure
