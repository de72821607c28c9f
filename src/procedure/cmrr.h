/// \file cmrr.h
/// Real common-mode rejection of a balanced input: with its legs tied, with 10 Ω in either leg (IEC 60268-3), or from two outputs whose leads are
/// exchanged.
#pragma once

#include "core/fixture.h"
#include "core/result.h"
#include "core/units.h"
#include "engine/engine.h"
#include "procedure/calibration.h"
#include "procedure/measurement.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::procedure {

/// How the interface's outputs are wired to the input under test.
enum class CmrrFeed : std::uint8_t {
    separate,     ///< Output 1 on pin 2, output 2 on pin 3.
    common,       ///< Output 1 on both.
    common_leg2,  ///< The same with 10 Ω in pin 2.
    common_leg3,  ///< The same with 10 Ω in pin 3.
    exchanged,    ///< Output 1 on pin 3, output 2 on pin 2.
};
[[nodiscard]] std::string_view name_of(CmrrFeed) noexcept;   ///< "separate", "common", "common-leg-2", "common-leg-3", "exchanged"
/// What is to be connected, as a drawing of several lines. \param own_input  the input under test is the interface's input 1.
[[nodiscard]] std::string drawing_of(CmrrFeed feed, bool own_input);

/// Wires the input as asked and returns when that is done. \return failure or interrupted when it is not.
using FeedSwitch = std::function<Status(CmrrFeed)>;
/// Runs `command` through the shell with every "{feed}" replaced by the feed's name, see command_switch().
[[nodiscard]] FeedSwitch command_feed(std::string command);

/// What IEC 60268-3 puts into one leg.
inline constexpr Ohms iec_imbalance{10.0};

enum class CmrrMethod : std::uint8_t {
    tied,       ///< Both legs on output 1: bare, then with 10 Ω in leg 2, then in leg 3.
    exchanged,  ///< Each leg on an output of its own, then the leads exchanged: the sum is free of what the two outputs differ by.
};

/// One CMRR. At its floor nothing of the common mode stood out, and the number is what it exceeds, 95 %.
struct CmrrValue {
    double db{};
    double uncertainty_db{};   ///< Half width of the 95 % interval; 0 at the floor.
    bool at_floor{false};
};

/// All CMRRs at one frequency. Absent: not measured.
struct CmrrPoint {
    Hertz frequency{};
    std::optional<CmrrValue> common;   ///< Legs tied, or, with leads exchanged, two equal sources.
    std::optional<CmrrValue> leg2;     ///< 10 Ω in leg 2.
    std::optional<CmrrValue> leg3;
    std::optional<CmrrValue> iec;      ///< The worse of the two.
    int worse_leg{};                   ///< 2 or 3; 0: no iec.
    double floor_db{};                 ///< Largest CMRR that this run tells from none at all (95 %), in the noisiest feed.
};

struct CmrrOptions {
    CmrrMethod method{CmrrMethod::tied};
    bool own_input{false};              ///< Input 1 of the interface is the input under test; input 2 records nothing.
    Fixture fixture;
    /// until: of the CMRR at 1 kHz in each of the feeds; at_most: of signal, all feeds together.
    Averaging averaging;
    CalibrationUse calibration;
    std::optional<Dbfs> level;          ///< Of the common mode, a peak; none: near full scale.
    bool outputs_match{false};          ///< Both outputs have the same level for sure; else 0.1 dB is allowed for.
    bool keeps_captures{false};
    std::string device_under_test;
    Source source{Source::device};
    /// Given the curve as it stands, again and again while it becomes better known; may be empty.
    std::function<void(const std::vector<CmrrPoint>&)> curve_so_far;
};

/// What keeps CMRR from being better, at 1 kHz.
enum class CmrrLimit : std::uint8_t { common_mode_impedance, resistor_match, source, rig };
[[nodiscard]] std::string_view id_of(CmrrLimit) noexcept;  ///< "common-mode-impedance", "resistor-match", "source", "rig"

/// |common-mode impedance| of one leg, or what it exceeds.
struct LegImpedance {
    Ohms magnitude{};
    Ohms uncertainty{};        ///< Half width of the 95 % interval; 0 where it is a bound.
    bool at_least{false};
};

struct CmrrLimits {
    CmrrLimit limit{};
    std::optional<LegImpedance> leg2;  ///< From what 10 Ω in it change.
    std::optional<LegImpedance> leg3;
    std::optional<double> impedance_db;  ///< 20·log(Zcm/10 Ω) of the smaller one.
    std::optional<double> match_db;      ///< With the legs tied: what remains is the input's own.
    std::optional<double> source_db;     ///< What the difference of two outputs would make of it if the leads were not exchanged.
    std::string says;                    ///< One sentence.
};

/// The usual scale of CMRRs with 10 Ω in a leg, at 1 kHz (docs/cmrr.md).
enum class CmrrGrade : std::uint8_t { poor, ordinary, good, very_good, exceptional };
[[nodiscard]] std::string_view words_for(CmrrGrade) noexcept;  ///< "poor", … "very good"
[[nodiscard]] CmrrGrade grade_of(double db) noexcept;          ///< Below 40, 60, 80, 100 dB, and above.

struct Cmrr {
    std::string device_under_test;
    CmrrMethod method{};
    bool own_input{false};
    bool has_reference{false};          ///< Input 2 told what arrived at the tie.
    double sample_rate_hz{};
    Fixture fixture;
    Dbfs level{0.0};                    ///< Peak of the common mode at output 1.
    double normal_gain_db{};            ///< At 1 kHz, input 1 over the voltage between the legs, full scale over full scale.
    std::vector<CmrrPoint> figures;     ///< At cmrr_figures, where the rate has them; interpolated from the tones beside.
    std::vector<CmrrPoint> curve;       ///< At the tones.
    std::optional<CmrrLimits> limits;
    std::optional<CmrrGrade> grade;
    std::vector<std::string> notes;
    MeasurementQuality quality;
    CalibrationUse calibration;
    std::vector<CapturedStep> captures;

    /// At 1 kHz. \pre figures has it, which measure_cmrr() sees to.
    [[nodiscard]] const CmrrPoint& at_1khz() const;
};

/// What of a point is told first: IEC where it was measured.
[[nodiscard]] const std::optional<CmrrValue>& leading_of(const CmrrPoint& point) noexcept;

/// Measures the input whose output input 1 records, while outputs 1 and 2 feed its legs; input 2 records what output 1 has behind its own resistance.
/// \return interrupted when the device goes away or it is stopped before there is a result; failure, with the reason, where nothing is connected, legs are
///         exchanged or open, the input is unbalanced, or something clips.
Result<Cmrr> measure_cmrr(engine::Engine& engine, const FeedSwitch& feed_switch, const CmrrOptions& options, const MeasurementObserver& observer,
                          const std::function<bool()>& should_stop);

}  // namespace lowleg::procedure
