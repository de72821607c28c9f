#include "procedure/no_drive.h"

#include "core/text.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

namespace lowleg::procedure {
namespace {

using topology::Topology;

/// Below what names a topology.
constexpr double most_undecided = 0.89;

bool is_candidate(const topology::Verdict& verdict, Topology topology)
{
    return verdict.topology == topology ||
           std::ranges::any_of(verdict.alternatives, [&](const topology::Candidate& c) { return c.topology == topology && c.probability > 0.01; });
}

/// The impedances, and how they go over frequency, as evidence in place of what a drive would have told.
void describe_impedances(topology::Verdict& verdict)
{
    verdict.evidence.clear();
    verdict.why.clear();
    const auto& legs = verdict.legs;
    if (legs.status == topology::EntryStatus::unknown) {
        verdict.why = is_candidate(verdict, Topology::transformer) || is_candidate(verdict, Topology::cross_coupled)
                          ? "By the probe alone: both legs go with it, and what holds them to ground is too little to be told apart"
                          : "The states taken do not tell the impedances of the legs";
        return;
    }
    const bool is_measured = legs.status == topology::EntryStatus::measured;
    const auto add = [&](std::string_view name, Hertz f, double value, std::string_view unit, double uncertainty, std::string says) {
        verdict.evidence.push_back({name, f, value, unit, uncertainty, is_measured, std::move(says)});
    };
    const double pin2 = std::abs(legs.pin2);
    const double pin3 = std::abs(legs.pin3);
    add("leg_imbalance", legs.frequency, std::abs(legs.imbalance), "Ω", legs.uncertainty_ohm,
        "The probe finds " + format_ohms(Ohms{pin2}) + " at pin 2 and " + format_ohms(Ohms{pin3}) + " at pin 3, against ground, at " + format_hertz(legs.frequency) + ".");
    verdict.why = "By the probe alone: " + format_ohms(Ohms{pin2}) + " at pin 2 and " + format_ohms(Ohms{pin3}) + " at pin 3, against ground";

    const auto& lowest = verdict.two_port.front();
    const auto nearest = std::ranges::min_element(verdict.two_port, {}, [&](const topology::TwoPort& t) { return std::abs((t.frequency - legs.frequency).value()); });
    const double low = std::abs(lowest.z22.value + lowest.z23.value);
    if (lowest.z22.status != topology::EntryStatus::unknown && pin2 > 0.0) {
        const double times = low / pin2;
        const auto text = format_number(std::round(10.0 * times) / 10.0);
        if (times > 3.0)
            add("leg_slope", lowest.frequency, times, "", 0.0, "Pin 2 has " + text + " times as much at " + format_hertz(lowest.frequency) + ": the way to ground is a capacitance.");
        else if (times > 0.7)
            add("leg_slope", lowest.frequency, times, "", 0.0, "Pin 2 has about the same at " + format_hertz(lowest.frequency) + ": the way to ground is a resistance.");
    }
    const double own = std::abs(nearest->z33.value);
    if (nearest->z33.status == topology::EntryStatus::measured && nearest->z23.status == topology::EntryStatus::measured && own > 1.0) {
        const double share = std::abs(nearest->z23.value) / own;
        const auto percent = format_fixed(100.0 * share, 0) + " %";
        add("transfer", nearest->frequency, 100.0 * share, "%", 0.0,
            share > 0.5 ? "Of what is pushed into pin 3, " + percent + " comes out at pin 2: the legs hold on to each other, or pin 3 is sensed."
                        : "Of what is pushed into pin 3, " + percent + " comes out at pin 2: each leg stands for itself.");
    }
}

}  // namespace

Status check_drive(const IdentifyOptions& options)
{
    if (options.drive == DriveFrom::interface) return Done{};
    const std::string flag = options.drive == DriveFrom::player ? "--player" : "--no-drive";
    if (!options.fixture.probe)
        return Error{flag + " does not go with --rp none: " +
                         (options.drive == DriveFrom::player ? "only the probe shares the interface's clock, and tells which state the switch is in" : "without the drive the probe is all there is") +
                         "; fit the probe resistors",
                     ErrorKind::usage};
    if (options.headroom)
        return Error{flag + " does not go with --headroom: the highest levels are looked for with a drive that rises, and here the interface gives none; leave one of them out",
                     ErrorKind::usage};
    return Done{};
}

Readings without_drive(Readings readings)
{
    for (auto& [state, reading] : readings) std::erase_if(reading.tones, [](const analysis::ToneReading& t) { return t.signal == Signal::drive; });
    return readings;
}

void say_what_the_probe_cannot_tell(Identification& result)
{
    auto& verdict = result.verdict;
    verdict.polarity = topology::Polarity::unknown;
    if (verdict.outcome == topology::Outcome::no_signal) return;
    describe_impedances(verdict);
    result.notes.emplace_back("Nothing drove the output: the probe alone tells its impedances, and not whether both legs carry the signal, its polarity, which pin "
                              "is hot, its distortion or its highest level.");
    // An output whose pin 2 is on ground, or takes a signal in, is one whose pin 3 is hot; what the states of the switch then said of pin 3 said little.
    const bool is_known = verdict.legs.status != topology::EntryStatus::unknown;
    const double pin2 = std::abs(verdict.legs.pin2);
    const double pin3 = std::abs(verdict.legs.pin3);
    const bool may_be_exchanged = is_known && ((pin2 < 3.0 && pin3 > 10.0 * pin2) || (pin2 > 2e3 && pin3 > 3.0 && pin3 < 0.2 * pin2));
    if (may_be_exchanged || verdict.outcome == topology::Outcome::single_ended) {
        verdict.outcome = topology::Outcome::inconclusive;
        verdict.topology.reset();
        verdict.probability = std::min(verdict.probability, most_undecided);
    }
    if (may_be_exchanged) {
        result.notes.emplace_back("Pin 2 has the impedance of a ground or of an input, and pin 3 that of an output: pin 3 is hot, or the leads are exchanged.");
        verdict.next_step = topology::NextStep{"exchange-legs", "Exchange the leads of pin 2 and pin 3 at the fixture and measure again."};
        return;
    }
    const bool has_two_amplifiers = is_candidate(verdict, Topology::inverter) || is_candidate(verdict, Topology::dual_unbalanced) ||
                                    is_candidate(verdict, Topology::impedance_balanced);
    if (has_two_amplifiers)
        result.notes.emplace_back("Two op amps in antiphase (inverter), two channels on one jack and an impedance-balanced output have the same impedances: how often each "
                                  "is built is all that stands between them here.");
    if (is_candidate(verdict, Topology::transformer) || is_candidate(verdict, Topology::cross_coupled))
        result.notes.emplace_back("A transformer that resistors bleed to ground and a servo have the same impedances: the distortion of its iron and its highest level, which "
                                  "would tell, need a signal.");
    verdict.next_step = topology::NextStep{
        "play-stimulus", "Let the gear play the test signal itself, if it can play a file (\"lowleg stimulus --player --out stimulus.wav\"), in a loop and at a moderate "
                         "level, and measure again with --player."};
}

}  // namespace lowleg::procedure
