/// Noise of both legs while nothing is played.
#include "analysis/noise_level.h"
#include "core/text.h"
#include "procedure/measure_kinds.h"
#include "procedure/silent_record.h"

#include <algorithm>
#include <utility>

namespace lowleg::procedure {
namespace {

using analysis::NoiseBand;
using analysis::NoisePower;
using analysis::NoiseReading;
using analysis::Weighting;

constexpr std::array<NoiseBand, 2> bands{{{Hertz{20.0}, Hertz{20'000.0}, Weighting::flat}, {Hertz{20.0}, Hertz{20'000.0}, Weighting::a}}};
constexpr std::array<const char*, 2> band_names{"noise", "noise_a"};
constexpr std::array<const char*, 2> band_words{"noise", "A-weighted"};
constexpr Dbu nominal{4.0};

std::string band_of(const NoiseBand& band) { return format_hertz(band.lowest) + " to " + format_hertz(band.highest); }

std::string definition_of(const NoiseBand& band)
{
    return std::string{band.weighting == Weighting::a ? "Rms with the A-weighting of IEC 61672-1, " : "Rms without weighting, "} + band_of(band) +
           ", steep at both ends; hum in the band is in it (IEC 60268-3, AES17). 0 dBFS is the rms of a full-scale sine.";
}

void add_noise(Measurement& out, const Listener& listener, std::size_t leg, const NoiseReading& reading)
{
    for (std::size_t b = 0; b < bands.size(); ++b) {
        const auto& power = reading.with_hum[b][leg];
        if (!(power.mean_square > 0.0)) continue;
        add_level(out.figures, listener.name + "_" + band_names[b], listener.words + ", " + band_words[b], sine_peak(dbfs_of_rms(power.rms())), power.relative_interval_95(), {},
                  listener.full_scale_volts, definition_of(reading.bands[b]));
        if (reading.hum)
            add_level(out.figures, listener.name + "_" + band_names[b] + "_without_hum", listener.words + ", " + band_words[b] + " but hum",
                      sine_peak(dbfs_of_rms(reading.without_hum[b][leg].rms())), reading.without_hum[b][leg].relative_interval_95(), {}, {},
                      "The same with the lines of the mains taken out.");
    }
}

void add_ratios(Measurement& out, const Listener& listener, std::size_t leg, const NoiseReading& reading)
{
    for (std::size_t b = 0; b < bands.size(); ++b) {
        const auto& power = reading.with_hum[b][leg];
        if (!(power.mean_square > 0.0)) continue;
        const std::string id = listener.name + (b == 0 ? "_snr" : "_snr_a");
        const std::string words = listener.words + (b == 0 ? ", SNR" : ", SNR(A)");
        const auto level = dbfs_of_rms(power.rms());
        out.figures.push_back({id + "_full_scale_db", words + ", full scale", (Dbfs{0.0} - level).value(), "dB", uncertainty_db(power.relative_interval_95()), Figure::Bound::value, {},
                               "A full-scale sine over the noise, " + band_of(reading.bands[b]) + "."});
        if (!listener.full_scale_volts) continue;
        const VoltsRms volts{amplitude_ratio(GainDb{level.value()}) * listener.full_scale_volts->value};
        out.figures.push_back({id + "_4dbu_db", words + ", +4 dBu", (nominal - Dbu::of(volts)).value(), "dB", uncertainty_db(power.relative_interval_95(), listener.full_scale_volts),
                               Figure::Bound::value, {}, "A sine of +4 dBu over the noise, " + band_of(reading.bands[b]) + "."});
    }
}

}  // namespace

Result<Measurement> measure_noise(const SourceRun& run)
{
    auto out = run.begin(MeasureKind::noise);
    const auto leading = [](const NoiseReading& reading) -> std::optional<Figure> {
        const auto& power = reading.with_hum.front().front();
        if (!(power.mean_square > 0.0)) return std::nullopt;
        // A level; its uncertainty is one in dB.
        return Figure{"noise_dbfs", "noise", dbfs_of_rms(power.rms()).value(), "dB", uncertainty_db(power.relative_interval_95()), Figure::Bound::value, {}, ""};
    };
    auto record = record_silence(run, "noise", bands, leading);
    if (!record) return record.error();
    auto& r = record.value();
    for (const auto& listener : listeners(run)) add_noise(out, listener, listener.leg, r.reading(listener));
    for (const auto& listener : listeners(run)) add_ratios(out, listener, listener.leg, r.reading(listener));
    r.describe(out.quality);
    out.notes.emplace_back("The noise of the interface's own inputs is in it: with nothing but resistors of the same impedance on them it shows alone.");
    out.notes.emplace_back("Played: silence, from an output that is on; what it hisses of itself is in it, too.");
    out.captures.push_back({"silence", std::move(r.averaged.record)});
    return out;
}

}  // namespace lowleg::procedure
