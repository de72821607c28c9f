/// \file period_assembly.h
/// Cuts whole periods, aligned to what plays, out of the captured blocks.
#pragma once

#include "core/record.h"
#include "engine/rt/messages.h"
#include "engine/rt/spsc_ring.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

namespace lowleg::engine {

/// What is playing, as the control side knows it.
struct Playing {
    std::uint64_t play_id{0};        ///< 0: nothing.
    std::uint64_t period_frames{0};
    std::uint64_t fade_frames{0};    ///< After the start of the play, until it is at full level.
};

/// Reads the capture rings block by block. Control thread.
///
/// A fault voids the periods that its block overlaps. Frames that were dropped void the periods that they belong to. What the
/// audio system flagged, or what came late, may be a hole in the output, which comes back on the inputs one trip later: these
/// two go on for `aftermath_frames`.
class PeriodAssembly {
public:
    /// \param aftermath_frames  no less than the round trip through the interface.
    PeriodAssembly(rt::RingReader<rt::BlockHeader> blocks, rt::RingReader<float> samples, std::uint64_t aftermath_frames) noexcept
        : blocks_{blocks}, samples_{samples}, aftermath_frames_{aftermath_frames}
    {
    }

    /// Reads what waits in the rings until the first whole period is complete that starts at or after `not_before`, at full
    /// level, and of which at least one frame was captured; missing frames are 0. \return nothing when more blocks are needed:
    /// then go on with the same arguments.
    std::optional<Period> advance(const Playing& playing, std::uint64_t not_before);

    /// The same for any number of frames, ≥ 1, that begin anywhere.
    std::optional<Stretch> advance(const Playing& playing, std::uint64_t not_before, std::uint64_t frames);

    /// Throws away what waits, and a period begun.
    void discard();

    /// \param hear  given every block that is read, whatever becomes of it: interleaved (pin 2, pin 3), in one piece or two.
    void listen(std::function<void(std::span<const float>)> hear) { hear_ = std::move(hear); }

private:
    struct Block {
        std::uint64_t begin{0}, end{0};  // what of it is still unread
        std::uint64_t play_id{0}, play_start{0};
        Faults faults;
    };
    /// What is cut out: so many frames, beginning at a multiple of `grid` frames after the play.
    struct Cut {
        std::uint64_t length{0}, grid{0};
        friend bool operator==(const Cut&, const Cut&) = default;
    };
    struct Draft {
        Period period;
        Cut cut;
        std::uint64_t begin{0}, end{0};
        std::uint64_t play_start{0};
        bool has_frames{false};
    };

    std::optional<Draft> next(const Playing& playing, std::uint64_t not_before, Cut cut);
    bool load_block();
    void skip_to(std::uint64_t frame);
    void start_draft(const Playing& playing, std::uint64_t not_before, Cut cut);
    void copy_into_draft(std::uint64_t until);

    rt::RingReader<rt::BlockHeader> blocks_;
    rt::RingReader<float> samples_;
    std::uint64_t aftermath_frames_;
    std::function<void(std::span<const float>)> hear_;

    std::optional<Block> block_;
    std::optional<Draft> draft_;
    std::uint64_t cursor_{0};  // everything before this frame was read or is lost
    Faults aftermath_;
    std::uint64_t aftermath_end_{0};
};

}  // namespace lowleg::engine
