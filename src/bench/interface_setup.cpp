#include "bench/interface_setup.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lowleg::bench {

namespace {

/// How late a mixer gives back what it gets, s.
constexpr double return_delay = 2e-3;
static_assert(return_delay * 768e3 + 1 < rt::ReturnPath::longest);

}  // namespace

rt::InterfaceSetup setup_of(const InterfaceModel& model, double gain_ratio, double sample_rate_hz)
{
    rt::InterfaceSetup setup;
    auto& levels = setup.levels;
    levels.volts_per_unit = std::numbers::sqrt2 * model.full_scale.volts().value();
    levels.gains = {1.0, gain_ratio};
    levels.clip = sine_peak(model.clipping);
    // White up to half the rate, of which the level counts what lies between 20 Hz and 20 kHz.
    const double in_band = std::min(1.0, (20e3 - 20.0) / (sample_rate_hz / 2.0));
    levels.noise = sine_peak(model.noise) / std::numbers::sqrt2 / std::sqrt(in_band);
    if (model.hum) {
        const double radians = 2.0 * std::numbers::pi * model.hum_frequency.value() / sample_rate_hz;
        setup.hum_cos = std::cos(radians);
        setup.hum_sin = std::sin(radians);
        for (std::size_t k = 0; k < levels.hum.size(); ++k) {
            const auto order = static_cast<double>(k + 1);
            if (order * radians < std::numbers::pi) levels.hum[k] = sine_peak(*model.hum) / order;
        }
    }
    for (std::size_t leg = 0; leg < 2; ++leg) {
        // Warped beforehand, so that the trapezoidal rule puts the corner where it belongs.
        const double t = std::tan(std::numbers::pi * model.ac_coupling[leg].value() / sample_rate_hz);
        setup.coupling[leg] = t / (1.0 + t);
    }
    const double faster = model.clock_ppm * 1e-6;
    setup.drift_per_frame = faster / (1.0 + faster);
    setup.dropout_threshold = static_cast<std::uint64_t>(std::ldexp(model.dropouts.per_minute / 60.0 / sample_rate_hz, 64));
    setup.dropout_frames = model.dropouts.frames;
    setup.slips = model.dropouts.kind == Dropouts::Kind::slip;
    setup.seed = model.seed;
    const auto& wrong = model.wrong_moves;
    levels.drive = wrong.muted ? 0.0 : 1.0;
    const double returned = amplitude_ratio(wrong.return_gain);
    levels.returned = {wrong.feedback || wrong.monitoring ? returned : 0.0, wrong.monitoring ? returned : 0.0};
    setup.return_frames = static_cast<std::size_t>(std::lround(return_delay * sample_rate_hz));
    setup.same_channel = wrong.same_channel;
    return setup;
}

rt::InterfaceTiming timing_at(double sample_rate_hz)
{
    const auto frames = [&](double seconds) { return static_cast<std::uint32_t>(std::lround(seconds * sample_rate_hz)); };
    return {frames(10e-3), {frames(5e-3), frames(0.2)}};
}

LineSpec playing_line(const InterfaceModel& model) { return {model.delay_frames, 0, false}; }

LineSpec capture_line(const InterfaceModel& model)
{
    const auto& d = model.dropouts;
    return {0, d.per_minute > 0.0 && d.kind == Dropouts::Kind::slip ? d.frames : 0, model.clock_ppm != 0.0};
}

bool capture_runs_ahead(const InterfaceModel& model) { return model.clock_ppm < 0.0; }

Complex coupling_gain(Hertz corner, Hertz frequency)
{
    if (corner.value() == 0.0) return 1.0;
    const Complex jf{0.0, frequency.value()};
    return jf / (jf + corner.value());
}

}  // namespace lowleg::bench
