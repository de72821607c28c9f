#include "bench/virtual_bench.h"
#include "files/text_file.h"
#include "instrument/instrument.h"
#include "instrument/sources.h"
#include "procedure/calibration.h"
#include "report/cmrr_json.h"

#include <chrono>
#include <utility>

namespace lowleg::instrument {
namespace {

using procedure::CalibrationUse;
using procedure::Cmrr;
using procedure::CmrrFeed;

procedure::CmrrOptions cmrr_options_of(const Settings& settings, procedure::CmrrMethod method, bool own_input, procedure::Source source, std::string device_under_test)
{
    procedure::CmrrOptions options;
    options.method = method;
    options.own_input = own_input;
    options.fixture = settings.fixture;
    options.averaging = settings.averaging;
    options.level = settings.level;
    options.keeps_captures = settings.keeps_captures;
    options.source = source;
    options.device_under_test = std::move(device_under_test);
    return options;
}

bench::Feed bench_feed(CmrrFeed feed)
{
    switch (feed) {
    case CmrrFeed::separate: return bench::Feed::separate;
    case CmrrFeed::common: return bench::Feed::common;
    case CmrrFeed::common_leg2: return bench::Feed::common_leg2;
    case CmrrFeed::common_leg3: return bench::Feed::common_leg3;
    case CmrrFeed::exchanged: return bench::Feed::exchanged;
    }
    return bench::Feed::separate;
}

/// A quotient needs no volts, so a calibration is told and not used.
Result<CalibrationUse> calibration_use(const Settings& settings, const engine::StreamFacts& facts)
{
    const auto folder = procedure::calibration_folder();
    if (!folder) return CalibrationUse{CalibrationUse::Kind::none, "", "", false, folder.error().message};
    const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
    auto found = procedure::find_calibration(folder.value(), facts.device.data(), facts.host_api.data(), facts.sample_rate_hz, settings.gain_setting, today);
    if (!found) return found.error();
    return std::move(found.value().use);
}

}  // namespace

Result<Cmrr> Instrument::cmrr_bench(const std::string& name_or_file, procedure::CmrrMethod method, bool own_input, const procedure::MeasurementObserver& observer) const
{
    auto opened = open_bench(settings_, name_or_file, bench::CircuitKind::receiver, "this measures inputs", hooks_);
    if (!opened) return opened.error();
    const auto& [bench, engine, rate, name] = opened.value();
    auto options = cmrr_options_of(settings_, method, own_input, procedure::Source::virtual_bench, name);
    options.calibration.kind = CalibrationUse::Kind::virtual_bench;
    options.outputs_match = true;
    options.curve_so_far = onlooker_.cmrr_so_far;
    const auto feed_switch = [&bench](CmrrFeed wanted) { return feed(*bench, bench_feed(wanted)); };
    auto result = procedure::measure_cmrr(*engine, feed_switch, options, observer, hooks_.should_stop);
    // Silence of gear that the bench had to mute is no reading, and no other reason of a failure.
    if (auto trouble = bench->trouble(); trouble && (result || result.error().kind == ErrorKind::failure)) return Error{std::move(*trouble)};
    if (result)
        for (const auto& note : bench->notes()) result.value().notes.push_back(note);
    return result;
}

Result<Cmrr> Instrument::cmrr_device(const std::string& id, procedure::CmrrMethod method, bool own_input, const procedure::FeedSwitch& feed_switch,
                                     const procedure::MeasurementObserver& observer) const
{
    auto engine = open_device(settings_, id, hooks_);
    if (!engine) return engine.error();
    const auto& facts = engine.value()->facts();
    auto options = cmrr_options_of(settings_, method, own_input, procedure::Source::device, facts.device.data());
    auto use = calibration_use(settings_, facts);
    if (!use) return use.error();
    options.calibration = std::move(use).value();
    options.curve_so_far = onlooker_.cmrr_so_far;
    return measured_in_one_piece(*engine.value(), hooks_, [&] { return procedure::measure_cmrr(*engine.value(), feed_switch, options, observer, hooks_.should_stop); });
}

Status Instrument::export_cmrr(const Cmrr& cmrr, const std::filesystem::path& csv, const std::filesystem::path& wav_folder)
{
    if (!csv.empty())
        if (auto written = files::write_text(csv, report::cmrr_csv(cmrr)); !written) return written;
    procedure::Measurement captured;
    captured.captures = cmrr.captures;
    return export_measurement(captured, {}, wav_folder);
}

}  // namespace lowleg::instrument
