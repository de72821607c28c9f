/// Lines of the mains while nothing is played.
#include "analysis/noise_level.h"
#include "core/text.h"
#include "procedure/measure_kinds.h"
#include "procedure/silent_record.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lowleg::procedure {
namespace {

using analysis::MainsReading;
using analysis::NoiseBand;
using analysis::NoiseReading;
using analysis::Weighting;

constexpr std::array<NoiseBand, 1> band{{{Hertz{20.0}, Hertz{20'000.0}, Weighting::flat}}};

const char* total_definition = "All lines of the mains that stand out of the noise, up to the 40th harmonic, rms together; each fitted at its own frequency, which need not be 50 or 60 Hz exactly "
                               "(IEC 60268-3, hum: components of the supply's frequency at the output).";
const char* limit_definition = "No line of the mains stands out: what the first ten harmonics of 50 or of 60 Hz could hold together at most, from the noise around them (95 %).";

/// Half width of the 95 % interval of the rms of all lines over it.
double relative_95(const MainsReading& hum, std::size_t leg, double total)
{
    double variance = 0.0;
    for (const auto& line : hum.lines) variance += std::pow(line.relative_sigma[leg] * line.mean_square[leg] / total, 2);
    return 1.96 * std::sqrt(variance);
}

}  // namespace

Result<Measurement> measure_hum(const SourceRun& run)
{
    auto out = run.begin(MeasureKind::hum);
    const auto leading = [](const NoiseReading& reading) -> std::optional<Figure> {
        const double rms = reading.hum ? std::sqrt(std::max(reading.hum->mean_square(0, band[0]), reading.hum->mean_square(1, band[0])))
                                       : std::max(reading.hum_limit[0], reading.hum_limit[1]);
        if (!(rms > 0.0)) return std::nullopt;
        return Figure{"hum_dbfs", "hum", dbfs_of_rms(rms).value(), "dBFS", 0.0, reading.hum ? Figure::Bound::value : Figure::Bound::at_most, {}, ""};
    };
    auto record = record_silence(run, "hum", band, leading);
    if (!record) return record.error();
    auto& r = record.value();

    const MainsReading* loudest = nullptr;
    for (const auto& listener : listeners(run)) {
        const auto& reading = r.reading(listener);
        const auto leg = listener.leg;
        const double total = reading.hum ? reading.hum->mean_square(leg, band[0]) : 0.0;
        if (total > 0.0) {
            add_level(out.figures, listener.name + "_hum", listener.words + ", hum", sine_peak(dbfs_of_rms(std::sqrt(total))), relative_95(*reading.hum, leg, total), {},
                      listener.full_scale_volts, total_definition);
            if (!loudest) loudest = &*reading.hum;
            continue;
        }
        const double limit = reading.hum_limit[leg];
        if (!(limit > 0.0)) continue;
        const auto before = out.figures.size();
        add_level(out.figures, listener.name + "_hum", listener.words + ", hum", sine_peak(dbfs_of_rms(limit)), 0.0, {}, listener.full_scale_volts, limit_definition);
        for (auto i = before; i < out.figures.size(); ++i) {
            out.figures[i].bound = Figure::Bound::at_most;
            out.figures[i].uncertainty = 0.0;
        }
    }
    if (loudest) {
        const auto& hum = *loudest;
        out.figures.push_back({"mains_hz", "Mains", hum.fundamental.value(), "Hz", 1.96 * hum.fundamental_sigma_hz, Figure::Bound::value, {},
                               "Frequency that fits all lines best, by the interface's clock; found within half a hertz of 50 or 60 Hz."});
        for (const auto& listener : listeners(run)) {
            const auto& reading = r.reading(listener);
            if (!reading.hum || !(reading.hum->mean_square(listener.leg, band[0]) > 0.0)) continue;
            Curve curve{listener.name + "_lines", listener.words + ", lines of the mains", {{"harmonic", ""}, {"frequency_hz", "Hz"}, {"level_dbfs", "dBFS"}, {"uncertainty_db", "dB"}}, {}};
            if (listener.full_scale_volts) curve.columns.push_back({"level_dbu", "dBu"});
            for (const auto& line : reading.hum->lines) {
                const double p = line.mean_square[listener.leg];
                if (!(p > 0.0)) continue;
                const auto level = dbfs_of_rms(std::sqrt(p));
                std::vector<double> row{static_cast<double>(line.harmonic), line.frequency.value(), level.value(), uncertainty_db(1.96 * line.relative_sigma[listener.leg])};
                if (listener.full_scale_volts) row.push_back(Dbu::of(VoltsRms{amplitude_ratio(GainDb{level.value()}) * listener.full_scale_volts->value}).value());
                curve.rows.push_back(std::move(row));
            }
            out.curves.push_back(std::move(curve));
        }
        // Odd harmonics come from the field of transformers, even ones from what was rectified and smoothed.
        double odd = 0.0;
        double even = 0.0;
        for (const auto& line : hum.lines) (line.harmonic % 2 == 1 ? odd : even) += std::max(line.mean_square[0], line.mean_square[1]);
        if (even > 4.0 * odd) out.says.emplace_back("Even harmonics prevail: ripple of a supply, or the charging currents of its rectifier in a ground wire.");
        if (odd > 4.0 * even) out.says.emplace_back("Odd harmonics prevail: the mains itself, picked up from wires or from a transformer's field, or a current through the shield.");
    } else {
        out.says.emplace_back("No hum: no line of 50 or 60 Hz stands out of the noise.");
    }
    r.describe(out.quality);
    out.notes.emplace_back("What the interface and its cables pick up is in it.");
    out.captures.push_back({"silence", std::move(r.averaged.record)});
    return out;
}

}  // namespace lowleg::procedure
