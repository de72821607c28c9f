/// \file live_view.h
/// What is to be heard right now, as pictures: scope, spectrum, X-Y and levels, made from whatever an engine captures.
#pragma once

#include "analysis/live_spectrum.h"
#include "analysis/trigger.h"
#include "core/result.h"
#include "core/units.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lowleg::instrument {

/// What is looked at: the legs themselves, and what they are together.
enum class Channel : std::uint8_t { pin2, pin3, sum, difference };
inline constexpr std::array all_channels{Channel::pin2, Channel::pin3, Channel::sum, Channel::difference};
[[nodiscard]] std::string_view words_for(Channel) noexcept;  ///< "pin 2", "pin 3", "sum", "difference"

/// One picture. Full scale of an input = 1.
struct LiveFrame {
    std::uint64_t number{};                      ///< Counts pictures; 0: nothing was heard yet.
    double sample_rate_hz{};
    std::array<std::vector<float>, 2> scope;     ///< Pin 2 and pin 3, from the trigger on, one sample after the other.
    double scope_offset{};                       ///< Samples by which the first lies before the trigger, −1 … 0.
    bool is_triggered{false};
    Hertz bin{};                                 ///< Distance of the points of the spectrum.
    std::array<std::vector<float>, 4> spectrum;  ///< Of each Channel: power of each bin, averaged; a sine of full scale is 1.
    std::array<std::vector<float>, 4> highest;   ///< The same, held since it was reset.
    std::array<Dbfs, 4> rms{Dbfs{-200.0}, Dbfs{-200.0}, Dbfs{-200.0}, Dbfs{-200.0}};   ///< Of the last 0.3 s.
    std::array<Dbfs, 4> peak{Dbfs{-200.0}, Dbfs{-200.0}, Dbfs{-200.0}, Dbfs{-200.0}};  ///< Of the same time, of a sine with such peaks.
    std::array<bool, 2> has_clipped{};           ///< Since it was reset: an input was at full scale.
    double correlation{};                        ///< −1: the legs are in antiphase; +1: the same; 0: have nothing in common, or there is no signal.
};

/// How pictures are made.
struct LiveOptions {
    double averaging_s{0.0};                     ///< Time constant of the spectrum; 0: each for itself.
    Channel trigger{Channel::pin2};              ///< pin2 or pin3.
    bool is_paused{false};                       ///< Nobody looks: no pictures are made.
    friend bool operator==(const LiveOptions&, const LiveOptions&) = default;
};

/// Keeps the last seconds of what was captured, and makes pictures of it. One thread.
class LiveView {
public:
    /// \return failure for a rate that no interface has.
    static Result<LiveView> create(double sample_rate_hz);

    void set_options(const LiveOptions& options) { options_ = options; }
    /// Highest levels of the spectrum and clipping are looked for anew.
    void reset_held();

    /// \param interleaved  (pin 2, pin 3), newest last.
    void hear(std::span<const float> interleaved);
    /// Makes a picture of the newest. \param out  overwritten; its memory is used again.
    void draw(LiveFrame& out);

private:
    LiveView(double sample_rate_hz, analysis::LiveSpectrum spectrum);
    void draw_spectrum(LiveFrame& out);
    void draw_levels(LiveFrame& out) const;

    double sample_rate_hz_;
    analysis::LiveSpectrum spectrum_;
    analysis::Trigger trigger_;
    LiveOptions options_;
    std::array<std::vector<float>, 2> heard_;    // the newest at the end
    std::size_t fresh_{0};                       // frames since the last picture
    std::uint64_t pictures_{0};
    std::array<std::vector<float>, 4> powers_, average_, highest_;
    std::array<bool, 2> has_clipped_{};
};

}  // namespace lowleg::instrument
