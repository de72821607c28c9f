#include "engine/rt/duplex_processor.h"

#include "engine/rt/denormals.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

namespace lowleg::engine::rt {
namespace {

// Samples are judged by their bits: with denormals taken as 0, a comparison would call a denormal "exactly zero".
constexpr std::uint32_t sign_bit = 0x8000'0000U;
constexpr std::uint32_t exponent_bits = 0x7F80'0000U;

[[nodiscard]] bool is_finite(float x) LOWLEG_REALTIME { return (std::bit_cast<std::uint32_t>(x) & exponent_bits) != exponent_bits; }
[[nodiscard]] bool is_zero(float x) LOWLEG_REALTIME
{
    auto bits = std::bit_cast<std::uint32_t>(x);
    __asm__("" : "+r"(bits));  // else clang sees through the bits and compares with 0.0F after all
    return (bits & ~sign_bit) == 0;
}
[[nodiscard]] float magnitude(float x) LOWLEG_REALTIME { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & ~sign_bit); }
[[nodiscard]] float limited(float x) LOWLEG_REALTIME { return is_finite(x) ? std::clamp(x, -level_ceiling, level_ceiling) : 0.0F; }

// A converter at its end gives its highest code, again and again; music and noise touch it for a sample or two.
constexpr float full_scale = 0.9999F;
constexpr std::uint32_t clip_needs = 3;
// Quiet converters have noise: exact zeros on both inputs for longer than this come from no converter.
constexpr std::uint64_t zeros_need = 64;
// In fewer frames two blocks may be equal by chance.
constexpr std::uint32_t print_needs = 16;
// Some audio systems never give the same size twice: only a change after so many equal blocks is an event.
constexpr std::uint32_t steady_blocks = 32;

// What a clock may run ahead without any loss. Two blocks wait in the device's buffers while the callback is held up. On top,
// audio systems that mix (PipeWire, WASAPI) hand blocks over in bursts of 10 to 21 ms. A device and a steady clock each keep
// within 100 ppm. Losses too small to be seen here show in the phase of the tones.
constexpr double blocks_in_flight = 2.0;
constexpr double jitter_ns = 20e6;
constexpr double clock_tolerance = 200e-6;

void add(StreamState::Count& count, std::uint64_t n) LOWLEG_REALTIME
{
    count.store(count.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);  // this thread alone writes it
}

/// Raises `peak`, which another thread may be setting to 0. If it does so between the two steps, it has taken the old value, and
/// ours, when it is not higher, is covered by that.
void raise(std::atomic<float>& peak, float to) LOWLEG_REALTIME
{
    if (peak.load(std::memory_order_relaxed) < to) peak.store(to, std::memory_order_relaxed);
}

/// Collects a block's content, frame by frame.
class Printer {
public:
    void add(float a, float b) LOWLEG_REALTIME
    {
        const std::uint64_t word = std::uint64_t{std::bit_cast<std::uint32_t>(a)} << 32U | std::bit_cast<std::uint32_t>(b);
        // The rotation carries every bit to every other one: two changed signs do not cancel.
        hash_ = (std::rotl(hash_, 27) ^ word) * 0x9E37'79B9'7F4A'7C15U;
        constant_ = constant_ && (frames_ == 0 || word == first_);
        if (frames_++ == 0) first_ = word;
    }
    [[nodiscard]] std::uint64_t hash() const LOWLEG_REALTIME { return hash_; }
    [[nodiscard]] bool constant() const LOWLEG_REALTIME { return constant_; }

private:
    std::uint64_t hash_{1};
    std::uint64_t first_{0};
    std::uint32_t frames_{0};
    bool constant_{true};
};

}  // namespace

DuplexProcessor::DuplexProcessor(const AudioEnds& ends, double sample_rate_hz) noexcept
    : ends_{ends},
      ns_per_frame_{1e9 / sample_rate_hz},
      fade_length_{fade_frames(sample_rate_hz)},
      cos_step_{std::cos(std::numbers::pi / fade_length_)},
      sin_step_{std::sin(std::numbers::pi / fade_length_)}
{
}

void DuplexProcessor::process(const float* in_or_null, float* out, std::uint32_t frames, bool flagged,
                              std::int64_t steady_ns) LOWLEG_REALTIME
{
    const InputView in = in_or_null == nullptr ? InputView{} : InputView{{in_or_null, in_or_null + 1}, 2};
    process(in, OutputView{{out, out + 1}, 2}, frames, flagged, steady_ns);
}

void DuplexProcessor::process(const InputView& in, const OutputView& out, std::uint32_t frames, bool flagged,
                              std::int64_t steady_ns) LOWLEG_REALTIME
{
    const DenormalsOff denormals_off;
    StreamState& state = *ends_.state;
    take_commands();

    // What is wrong with the time at which the block came; it outlives a block that is empty or dropped.
    Faults in_time = std::exchange(pending_, Faults{});
    if (flagged) {
        in_time.add(Fault::flagged);
        add(state.flagged, 1);
    }
    if (is_late(frames, steady_ns)) {
        in_time.add(Fault::late);
        add(state.late, 1);
    }
    if (size_changed(frames)) {
        in_time.add(Fault::block_size);
        add(state.size_changes, 1);
    }
    add(state.blocks, 1);
    if (frames == 0) {
        pending_ = in_time;
        return;
    }

    const std::size_t samples = 2 * std::size_t{frames};
    const bool fits = ends_.samples.has_space(samples) && ends_.blocks.has_space(1);
    const Slices place = fits ? ends_.samples.reserve(samples) : Slices{};
    Faults faults = in_time;
    const Print input = scan(in, frames, fits, place, faults);
    const Print output = render(out, frames);
    if (came_twice(input, output)) {
        faults.add(Fault::repeated);
        add(state.repeated, 1);
    }

    if (fits) {
        ends_.samples.publish(samples);  // before the header: who sees the header finds the samples
        [[maybe_unused]] const bool pushed = ends_.blocks.push(
            {.first_frame = frame_, .play_id = current_.id, .play_start = play_start_, .steady_ns = steady_ns, .frames = frames, .faults = faults});
    } else {
        pending_ = in_time;
        pending_.add(Fault::lost);
        add(state.dropped, 1);
    }
    frame_ += frames;
    state.frames.store(frame_, std::memory_order_release);
}

std::size_t DuplexProcessor::capture_space_frames() LOWLEG_REALTIME
{
    return ends_.blocks.has_space(1) ? ends_.samples.space() / 2 : 0;
}

// ---- Playing ----

void DuplexProcessor::take_commands() LOWLEG_REALTIME
{
    if (ends_.state->is_hushed.load(std::memory_order_relaxed)) {
        if (next_.id != 0 || (current_.id != 0 && motion_ != Motion::falling)) take_next({});
        return;
    }
    Command command;
    while (ends_.commands.pop(command)) {
        if (command.kind == Command::Kind::silence) {
            take_next({});
            continue;
        }
        const Arena& arena = ends_.arena;
        if (command.slot >= arena.slots || command.frames < 1 || command.frames > arena.slot_frames || command.play_id == 0) continue;
        take_next({.samples = arena.samples + 2 * arena.slot_frames * command.slot,
                   .frames = command.frames,
                   .id = command.play_id,
                   .slot = command.slot});
    }
}

/// Whatever was to come next, never heard, makes way for `play` (none: silence), and what sounds fades out.
void DuplexProcessor::take_next(const Play& play) LOWLEG_REALTIME
{
    if (next_.id != 0) retire(next_, frame_);
    next_ = play;
    stop_current();
}

void DuplexProcessor::stop_current() LOWLEG_REALTIME
{
    if (current_.id == 0) {
        begin_next(frame_);
    } else if (fade_at_ == 0) {
        finish_current(frame_);  // began in this very frame
    } else {
        motion_ = Motion::falling;
    }
}

void DuplexProcessor::begin_next(std::uint64_t at_frame) LOWLEG_REALTIME
{
    current_ = std::exchange(next_, Play{});
    position_ = 0;
    play_start_ = at_frame;
    motion_ = Motion::rising;
    fade_at_ = 0;
    cos_ = 1.0;
    sin_ = 0.0;
}

void DuplexProcessor::finish_current(std::uint64_t at_frame) LOWLEG_REALTIME
{
    retire(current_, at_frame);
    begin_next(at_frame);  // perhaps nothing
}

void DuplexProcessor::retire(const Play& play, std::uint64_t at_frame) LOWLEG_REALTIME
{
    // The ring has a place for every slot, and a slot is played again only after its Retired was read: it is never full.
    [[maybe_unused]] const bool pushed = ends_.retired.push({.slot = play.slot, .play_id = play.id, .at_frame = at_frame});
}

/// One frame of what plays, times (1 − cos φ)/2, where φ goes from 0 to π while the fade rises, and back while it falls. cos φ
/// comes from turning a unit vector by π/fade_length_: after 3840 frames (192 kHz) it is off by less than 10⁻¹².
std::array<float, 2> DuplexProcessor::next_output(std::uint64_t at_frame) LOWLEG_REALTIME
{
    if (current_.id == 0) return {0.0F, 0.0F};
    const float* const sample = current_.samples + 2 * position_;
    std::array<float, 2> frame{sample[0], sample[1]};
    position_ = position_ + 1 < current_.frames ? position_ + 1 : 0;
    if (motion_ == Motion::steady) return {limited(frame[0]), limited(frame[1])};

    const auto gain = static_cast<float>(0.5 * (1.0 - cos_));
    for (float& x : frame) x = limited(limited(x) * gain);
    const double turn = motion_ == Motion::rising ? sin_step_ : -sin_step_;
    const double c = cos_ * cos_step_ - sin_ * turn;
    sin_ = sin_ * cos_step_ + cos_ * turn;
    cos_ = c;
    if (motion_ == Motion::rising) {
        if (++fade_at_ == fade_length_) {
            motion_ = Motion::steady;
            cos_ = -1.0;
            sin_ = 0.0;
        }
    } else if (--fade_at_ == 0) {
        finish_current(at_frame + 1);
    }
    return frame;
}

DuplexProcessor::Print DuplexProcessor::render(const OutputView& out, std::uint32_t frames) LOWLEG_REALTIME
{
    Printer printer;
    for (std::uint32_t i = 0; i < frames; ++i) {
        const std::array<float, 2> frame = next_output(frame_ + i);
        for (std::size_t k = 0; k < 2; ++k) {
            if (out.out[k] != nullptr) out.out[k][i * out.stride] = frame[k];
        }
        printer.add(frame[0], frame[1]);
    }
    return {.hash = printer.hash(), .frames = frames, .constant = printer.constant()};
}

// ---- Watching ----

/// Copies the block into the ring (if `keep`), with 0 for what is not finite, and looks at every sample on the way.
DuplexProcessor::Print DuplexProcessor::scan(const InputView& in, std::uint32_t frames, bool keep, const Slices& ring,
                                             Faults& faults) LOWLEG_REALTIME
{
    Printer printer;
    std::array<float, 2> peak{};
    std::uint64_t not_finite = 0;
    std::uint64_t clipped = 0;
    bool zeros = false;
    for (std::uint32_t i = 0; i < frames; ++i) {
        std::array<float, 2> frame{};
        for (std::size_t k = 0; k < 2; ++k) {
            float x = in.leg[k] != nullptr ? in.leg[k][i * in.stride] : 0.0F;
            if (!is_finite(x)) {
                x = 0.0F;
                ++not_finite;
            }
            const float height = magnitude(x);
            peak[k] = std::max(peak[k], height);
            clip_run_[k] = height >= full_scale ? std::min(clip_run_[k] + 1, clip_needs + 1) : 0;
            if (clip_run_[k] == clip_needs) clipped += clip_needs;  // the run has become long enough: all of it counts
            if (clip_run_[k] > clip_needs) ++clipped;
            frame[k] = x;
        }
        zero_run_ = is_zero(frame[0]) && is_zero(frame[1]) ? zero_run_ + 1 : 0;
        zeros = zeros || zero_run_ > zeros_need;
        printer.add(frame[0], frame[1]);
        if (keep) {
            for (std::size_t k = 0; k < 2; ++k) {
                const std::size_t at = 2 * std::size_t{i} + k;
                (at < ring.first.size() ? ring.first[at] : ring.second[at - ring.first.size()]) = frame[k];
            }
        }
    }

    StreamState& state = *ends_.state;
    for (std::size_t k = 0; k < 2; ++k) raise(state.peak[k], peak[k]);
    if (not_finite > 0) {
        faults.add(Fault::not_finite);
        add(state.not_finite, not_finite);
    }
    if (clipped > 0) {
        faults.add(Fault::clipped);
        add(state.clipped, clipped);
    }
    if (zeros) {
        faults.add(Fault::zeros);
        add(state.zeros, 1);
    }
    return {.hash = printer.hash(), .frames = frames, .constant = printer.constant()};
}

/// Whether more time has passed than the frames explain. A leaking bucket: time flows in, frames take out, and what is over
/// leaks away at the tolerance of the clocks, so that a slow crystal never fills it and a long run is watched as closely as a
/// short one. A stream that runs ahead of the clock (free-wheeling) keeps it empty.
bool DuplexProcessor::is_late(std::uint32_t frames, std::int64_t steady_ns) LOWLEG_REALTIME
{
    const auto passed = static_cast<double>(steady_ns - std::exchange(last_ns_, steady_ns));
    const double block_ns = ns_per_frame_ * frames;
    if (!std::exchange(clock_is_known_, true)) return false;
    behind_ns_ = std::max(0.0, behind_ns_ + passed * (1.0 - clock_tolerance) - block_ns);
    const double allowed = blocks_in_flight * ns_per_frame_ * std::max(frames, last_frames_) + jitter_ns;
    if (behind_ns_ <= allowed) return false;
    behind_ns_ = 0.0;  // told once; from here on a new count
    return true;
}

bool DuplexProcessor::size_changed(std::uint32_t frames) LOWLEG_REALTIME
{
    if (frames == 0) return false;
    const bool same = std::exchange(last_frames_, frames) == frames;
    const std::uint32_t run = std::exchange(same_size_blocks_, same ? std::min(same_size_blocks_ + 1, steady_blocks) : 1);
    return !same && run >= steady_blocks;
}

/// Whether the input repeats the block before. A loop without noise repeats by right when the output does, so nothing is
/// concluded from that; silence and a constant say nothing either.
bool DuplexProcessor::came_twice(const Print& input, const Print& output) LOWLEG_REALTIME
{
    const bool same_input = std::exchange(last_input_, input) == input;
    const bool same_output = std::exchange(last_output_, output) == output;
    return same_input && !input.constant && input.frames >= print_needs && (!same_output || output.constant);
}

}  // namespace lowleg::engine::rt
