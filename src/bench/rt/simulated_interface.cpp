#include "bench/rt/simulated_interface.h"

namespace lowleg::bench::rt {
namespace {

using circuit::rt::chunk_frames;

/// An ideal converter: clips at full scale. What is not a number is silence.
double converted(double x) LOWLEG_REALTIME
{
    if (!(x > -1.0)) return x <= -1.0 ? -1.0 : 0.0;
    return x < 1.0 ? x : 1.0;
}

}  // namespace

SimulatedInterface::SimulatedInterface(const InterfaceSetup& setup) LOWLEG_REALTIME
    : setup_{setup}, circuit_{setup.shape, setup.state}, random_{setup.seed}
{
}

/// Unit variance: the sum of twelve 16-bit numbers (Irwin–Hall), within ±6 and close to a Gaussian up to 3σ. The bits come
/// from SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
double SimulatedInterface::gaussian() LOWLEG_REALTIME
{
    std::int64_t sum = 0;
    for (int word = 0; word < 3; ++word) {
        random_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t z = random_;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
        z ^= z >> 31U;
        for (int part = 0; part < 4; ++part) {
            sum += static_cast<std::int64_t>(z & 0xFFFFU);
            z >>= 16U;
        }
    }
    return static_cast<double>(sum - 6 * 0xFFFF) / 65536.0;
}

/// Σ sin(kφ)/k, the powers of one turning phasor.
double SimulatedInterface::next_hum() LOWLEG_REALTIME
{
    double c = cos_;
    double s = sin_;
    double sum = s;
    for (int k = 2; k <= setup_.hum_harmonics; ++k) {
        const double c_next = c * cos_ - s * sin_;
        s = s * cos_ + c * sin_;
        c = c_next;
        sum += s / k;
    }
    const double c_turned = cos_ * setup_.hum_cos - sin_ * setup_.hum_sin;
    sin_ = sin_ * setup_.hum_cos + cos_ * setup_.hum_sin;
    cos_ = c_turned;
    // Rounding would let its length drift by 1e-16 per frame: one Newton step towards 1.
    const double correction = 1.5 - 0.5 * (cos_ * cos_ + sin_ * sin_);
    cos_ *= correction;
    sin_ *= correction;
    return setup_.hum_peak * sum;
}

void SimulatedInterface::process(SwitchState state, const float* drive, const float* probe, float* i2, float* i3,
                                 std::uint32_t frames) LOWLEG_REALTIME
{
    const auto& matrices = setup_.matrices[static_cast<std::size_t>(state)];
    const auto delay = setup_.delay_line.size() / 2;
    double played[2 * chunk_frames];
    double volts[2 * chunk_frames];

    for (std::size_t done = 0; done < frames;) {
        const auto left = frames - done;
        const auto n = left < chunk_frames ? left : chunk_frames;
        for (std::size_t i = 0; i < n; ++i) {
            float d = drive[done + i];
            float p = probe[done + i];
            if (delay > 0) {
                float* slot = setup_.delay_line.data() + 2 * delay_at_;
                const float older_d = slot[0];
                const float older_p = slot[1];
                slot[0] = d;
                slot[1] = p;
                d = older_d;
                p = older_p;
                if (++delay_at_ == delay) delay_at_ = 0;
            }
            played[i] = setup_.volts_per_unit * converted(static_cast<double>(d));
            played[chunk_frames + i] = setup_.volts_per_unit * converted(static_cast<double>(p));
        }
        circuit_.step(matrices, played, volts, n);
        for (std::size_t i = 0; i < n; ++i) {
            const double hum = setup_.hum_peak > 0.0 ? next_hum() : 0.0;
            double x2 = volts[i] * setup_.units_per_volt[0] + hum;
            double x3 = volts[chunk_frames + i] * setup_.units_per_volt[1] + hum;
            if (setup_.noise_rms > 0.0) {
                x2 += setup_.noise_rms * gaussian();
                x3 += setup_.noise_rms * gaussian();
            }
            i2[done + i] = static_cast<float>(converted(x2));
            i3[done + i] = static_cast<float>(converted(x3));
        }
        done += n;
    }
}

}  // namespace lowleg::bench::rt
