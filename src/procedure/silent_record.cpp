#include "procedure/silent_record.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lowleg::procedure {
namespace {

/// Pin 2 − pin 3 and half their sum, as they would be with inputs of equal gain.
class Between {
public:
    Between(const Record& record, double gain_ratio) : samples_(record.periods.size())
    {
        for (std::size_t m = 0; m < record.periods.size(); ++m) {
            const auto& p = record.periods[m];
            auto& [difference, common] = samples_[m];
            for (std::size_t i = 0; i < p.leg[0].size(); ++i) {
                const double v2 = static_cast<double>(p.leg[0][i]);
                const double v3 = static_cast<double>(p.leg[1][i]) / gain_ratio;
                difference.push_back(v2 - v3);
                common.push_back(0.5 * (v2 + v3));
            }
            views_.push_back({{difference, common}, p.first_frame});
        }
    }
    [[nodiscard]] std::span<const analysis::PeriodView> views() const noexcept { return views_; }

private:
    std::vector<std::array<std::vector<double>, 2>> samples_;
    std::vector<analysis::PeriodView> views_;
};

}  // namespace

std::vector<Listener> listeners(const SourceRun& run)
{
    const auto& volts = run.options.scales.input_volts;
    return {{"pin2", "Pin 2", false, 0, volts[0]}, {"pin3", "Pin 3", false, 1, volts[1]}, {"between", "Between pins", true, 0, volts[0]}};
}

void SilentRecord::describe(MeasurementQuality& quality) const
{
    analysis::MultitoneReading reading;
    for (std::size_t leg = 0; leg < 2; ++leg) reading.residue[leg].noise_rms = pins.without_hum.front()[leg].rms();
    if (pins.hum) {
        analysis::HumReading hum{pins.hum->fundamental, {}};
        for (std::size_t leg = 0; leg < 2; ++leg) hum.rms[leg] = std::sqrt(pins.hum->mean_square(leg, {Hertz{0.0}, Hertz{pins.sample_rate_hz}, analysis::Weighting::flat}));
        reading.hum = hum;
    }
    procedure::describe(averaged, reading, quality);
}

Result<SilentRecord> record_silence(const SourceRun& run, const std::string& step, std::span<const analysis::NoiseBand> bands,
                                    const std::function<std::optional<Figure>(const analysis::NoiseReading&)>& leading)
{
    // The multitone's period: its bins are what hum is found in.
    auto plan = plan_tone(run.sample_rate_hz(), Hertz{1000.0}, Dbfs{0.0});
    if (!plan) return plan.error();
    if (auto moved = run.fixture_switch(SwitchState::through); !moved) return moved.error();
    const std::vector<float> nothing(2 * static_cast<std::size_t>(plan.value().period_frames), 0.0F);
    const AveragedSignal signal{nothing, Seconds{0.5}, step, nullptr, "silence"};
    const auto figure = [&](const Record& record) -> std::optional<Figure> {
        const auto reading = analysis::read_noise(record, bands);
        return reading && leading ? leading(reading.value()) : std::nullopt;
    };
    auto averaged = average(run.source, signal, run.options.averaging, figure, run.observer, run.should_stop);
    if (!averaged) return averaged.error();
    auto pins = analysis::read_noise(averaged.value().record, bands);
    if (!pins) return pins.error();
    const Between between{averaged.value().record, run.options.fixture.gain_ratio};
    auto difference = analysis::read_noise(between.views(), run.sample_rate_hz(), bands);
    if (!difference) return difference.error();
    return SilentRecord{std::move(averaged).value(), std::move(pins).value(), std::move(difference).value()};
}

}  // namespace lowleg::procedure
