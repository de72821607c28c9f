#include "instrument/exchange.h"

#include "core/text.h"
#include "instrument/sources.h"
#include "procedure/leg_ratio.h"

#include <utility>

namespace lowleg::instrument {
namespace {

using procedure::CalibratedValue;
using procedure::LegRatio;
using procedure::Measurement;
using Ratios = Result<std::vector<LegRatio>>;

/// What is on pin 2 is now the second input.
Settings exchanged(Settings settings)
{
    std::swap(settings.inputs[0], settings.inputs[1]);
    std::swap(settings.fixture.rin2, settings.fixture.rin3);
    settings.fixture.gain_ratio = 1.0 / settings.fixture.gain_ratio;
    settings.gain_mismatch = -1.0 * settings.gain_mismatch;
    std::swap(settings.interface.ac_coupling[0], settings.interface.ac_coupling[1]);
    return settings;
}

Settings with_known_gain(Settings settings, const CalibratedValue& gain)
{
    settings.fixture.gain_ratio = amplitude_ratio(GainDb{gain.value});
    settings.given.emplace_back("gain-ratio");
    settings.compared_inputs = gain;
    return settings;
}

Result<Measurement> with_note(Result<Measurement> result, const CalibratedValue& gain)
{
    if (result)
        result.value().notes.push_back("The leads were exchanged: the input on pin 3 has " + format_db(GainDb{gain.value}, 3) + " ± " + format_fixed(gain.uncertainty, 3) +
                                       " dB of gain over the one on pin 2, and that is taken off.");
    return result;
}

procedure::MeasureOptions options_of(const Settings& settings)
{
    procedure::MeasureOptions options;
    options.fixture = settings.fixture;
    return options;
}

Ratios ratios_of_bench(const Settings& settings, const std::string& name, const procedure::MeasurementObserver& observer, const std::function<bool()>& should_stop)
{
    auto opened = open_bench(settings, name, bench::CircuitKind::output, "this measures outputs");
    if (!opened) return opened.error();
    auto fixture_switch = switch_of(opened.value().bench);
    return procedure::read_leg_ratios(*opened.value().engine, fixture_switch, options_of(settings), observer, should_stop);
}

}  // namespace

Result<Measurement> balance_exchanged_bench(const Settings& settings, const std::string& name, const procedure::MeasurementObserver& observer, const std::function<bool()>& should_stop)
{
    const auto before = ratios_of_bench(settings, name, observer, should_stop);
    if (!before) return before.error();
    auto now = exchanged(settings);
    const auto after = ratios_of_bench(now, name, observer, should_stop);
    if (!after) return after.error();
    const auto gain = procedure::gain_ratio_now(before.value(), after.value());
    if (!gain) return gain.error();
    // What the simulated inputs truly differ by stays as it is.
    const auto in_truth = gain_of(now.bench_fixture().gain_ratio);
    now = with_known_gain(std::move(now), gain.value());
    now.gain_mismatch = in_truth - GainDb{gain.value().value};
    return with_note(Instrument{now, should_stop}.measure_bench(procedure::MeasureKind::balance, name, observer), gain.value());
}

Result<Measurement> balance_exchanged_device(const Settings& settings, const std::string& id, procedure::FixtureSwitch fixture_switch,
                                             const std::function<Status()>& exchange_leads, const procedure::MeasurementObserver& observer,
                                             std::function<bool()> confirm_line_output, const engine::EngineHooks& hooks)
{
    // The device is closed again before it is opened with its channels exchanged.
    const auto ratios = [&](const Settings& with) -> Ratios {
        auto engine = open_device(with, id, hooks);
        if (!engine) return engine.error();
        return procedure::read_leg_ratios(*engine.value(), fixture_switch, options_of(with), observer, hooks.should_stop);
    };
    const auto before = ratios(settings);
    if (!before) return before.error();
    if (auto ok = exchange_leads(); !ok) return ok.error();
    auto now = exchanged(settings);
    const auto after = ratios(now);
    if (!after) return after.error();
    const auto gain = procedure::gain_ratio_now(before.value(), after.value());
    if (!gain) return gain.error();
    now = with_known_gain(std::move(now), gain.value());
    return with_note(Instrument{now, hooks.should_stop, hooks.tell}.measure_device(procedure::MeasureKind::balance, id, std::move(fixture_switch), observer, std::move(confirm_line_output)), gain.value());
}

}  // namespace lowleg::instrument
