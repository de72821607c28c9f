#include "procedure/two_port_spread.h"

#include <cmath>

namespace lowleg::procedure {
namespace {

using topology::FrequencyObservation;
using topology::InputReading;
using topology::Observations;

constexpr double normal_95 = 1.96;
/// Of a reading: what differs between states and inputs and is no noise.
constexpr double reading_error = 1e-4;

using Derive = std::function<std::vector<Complex>(const topology::TwoPort&)>;

class Propagation {
public:
    Propagation(const Observations& observations, const Derive& derive) : observations_{observations}, derive_{derive}, solved_{topology::solve_two_ports(observations)}
    {
        for (const auto& t : solved_) {
            base_.push_back(derive_(t));
            squares_.emplace_back(base_.back().size(), 0.0);
        }
    }

    void add_readings()
    {
        if (observations_.at.empty()) return;
        for (const auto& [state, unused] : observations_.at.front().drive)
            for (const auto signal : {&FrequencyObservation::drive, &FrequencyObservation::probe})
                for (const auto input : {&InputReading::i2, &InputReading::i3})
                    for (const Complex part : {Complex{1.0, 0.0}, Complex{0.0, 1.0}}) {
                        auto moved = observations_;
                        for (auto& at : moved.at)
                            if (const auto r = (at.*signal).find(state); r != (at.*signal).end()) {
                                auto& reading = r->second.*input;
                                reading.value += part * std::hypot(reading.sigma, reading_error * std::abs(reading.value));
                            }
                        // Either part of a reading moves a magnitude by half of what both do.
                        add(moved, normal_95 / std::sqrt(2.0));
                    }
    }

    void add_fixture(const Tolerances& by, double gain_95)
    {
        const auto change = [&](double relative, const std::function<void(Fixture&, double)>& apply) {
            if (relative == 0.0) return;
            auto moved = observations_;
            apply(moved.fixture, 1.0 + relative);
            add(moved, 1.0);
        };
        if (observations_.fixture.probe) change(by.rp, [](Fixture& f, double k) { f.probe->rp2 = k * f.probe->rp2; });
        change(by.rin, [](Fixture& f, double k) { f.rin2 = k * f.rin2; });
        change(by.rin, [](Fixture& f, double k) { f.rin3 = k * f.rin3; });
        change(by.cin, [](Fixture& f, double k) { f.cin = k * f.cin; });
        change(by.rg, [](Fixture& f, double k) { f.rg = k * f.rg; });
        change(by.rs, [](Fixture& f, double k) { f.rs = k * f.rs; });
        if (gain_95 == 0.0) return;
        auto moved = observations_;
        for (auto& at : moved.at)
            for (const auto signal : {&FrequencyObservation::drive, &FrequencyObservation::probe})
                for (auto& [state, reading] : at.*signal) reading.i3.value *= 1.0 + gain_95;
        add(moved, 1.0);
    }

    [[nodiscard]] SpreadOfTwoPorts told() &&
    {
        SpreadOfTwoPorts out;
        for (std::size_t i = 0; i < solved_.size(); ++i) {
            auto& row = out.derived.emplace_back();
            for (std::size_t k = 0; k < base_[i].size(); ++k) row.push_back({base_[i][k], std::sqrt(squares_[i][k])});
        }
        out.solved = std::move(solved_);
        return out;
    }

private:
    void add(const Observations& moved, double weight)
    {
        const auto solved = topology::solve_two_ports(moved);
        for (std::size_t i = 0; i < solved.size(); ++i) {
            const auto now = derive_(solved[i]);
            for (std::size_t k = 0; k < now.size(); ++k) squares_[i][k] += weight * weight * std::norm(now[k] - base_[i][k]);
        }
    }

    const Observations& observations_;
    const Derive& derive_;
    std::vector<topology::TwoPort> solved_;
    std::vector<std::vector<Complex>> base_;
    std::vector<std::vector<double>> squares_;  ///< Of 95 % half widths.
};

}  // namespace

Tolerances tolerances_of(Source source) noexcept
{
    if (source == Source::virtual_bench) return {};
    return {1e-3, 0.02, 0.2, 0.01, 0.2};
}

Tolerances tolerances_of(const MeasureOptions& options) noexcept
{
    auto out = tolerances_of(options.source);
    out.rin = options.scales.rin_95.value_or(out.rin);
    out.rs = options.scales.rs_95.value_or(out.rs);
    return out;
}

double gain_tolerance_of(const MeasureOptions& options)
{
    if (options.scales.gain_ratio_db) return options.scales.gain_ratio_db->uncertainty / db_per_neper;
    return normal_95 * topology::uncalibrated_gain_tolerance;
}

SpreadOfTwoPorts spread_of(const Observations& observations, const Tolerances& tolerances, double gain_95, const Derive& derive)
{
    Propagation spread{observations, derive};
    spread.add_readings();
    spread.add_fixture(tolerances, gain_95);
    return std::move(spread).told();
}

}  // namespace lowleg::procedure
