#include "engine/period_assembly.h"

#include <algorithm>
#include <utility>

namespace lowleg::engine {
namespace {

/// Those that may have broken the output too.
[[nodiscard]] Faults with_aftermath(Faults faults) noexcept
{
    Faults out;
    for (const Fault f : {Fault::flagged, Fault::late}) {
        if (faults.has(f)) out.add(f);
    }
    return out;
}

}  // namespace

bool PeriodAssembly::load_block()
{
    rt::BlockHeader header;
    if (!blocks_.pop(header)) return false;
    Block block{.begin = header.first_frame,
                .end = header.first_frame + header.frames,
                .play_id = header.play_id,
                .play_start = header.play_start,
                .faults = header.faults};
    // Lost frames lie before the block, and the frame count shows which they are: the block itself is whole.
    block.faults.bits &= ~static_cast<std::uint32_t>(Fault::lost);

    if (block.begin >= aftermath_end_) aftermath_ = {};
    if (const Faults more = with_aftermath(block.faults); !more.none()) {
        aftermath_.add(more);
        aftermath_end_ = block.end + aftermath_frames_;
    }
    block.faults.add(aftermath_);
    block_ = block;
    if (hear_) {
        const auto slices = samples_.peek(2 * static_cast<std::size_t>(header.frames));
        hear_(slices.first);
        if (!slices.second.empty()) hear_(slices.second);
    }
    return true;
}

/// Forgets the block's frames before `frame`.
void PeriodAssembly::skip_to(std::uint64_t frame)
{
    const std::uint64_t to = std::clamp(frame, block_->begin, block_->end);
    samples_.release(2 * static_cast<std::size_t>(to - block_->begin));
    block_->begin = to;
    cursor_ = to;
    if (block_->begin == block_->end) block_.reset();
}

/// Chooses the frames to be captured next, now that a block of the play is at hand.
void PeriodAssembly::start_draft(const Playing& playing, std::uint64_t not_before, Cut cut)
{
    const std::uint64_t length = cut.length;
    const auto aligned = [&](std::uint64_t frame) {
        return block_->play_start + (frame - block_->play_start + cut.grid - 1) / cut.grid * cut.grid;
    };
    std::uint64_t begin = aligned(std::max({block_->play_start + playing.fade_frames, not_before, cursor_}));
    if (begin + length <= block_->begin) begin = aligned(block_->begin - length + 1);  // lost as a whole: not a period at all

    draft_.emplace();
    draft_->cut = cut;
    draft_->play_start = block_->play_start;
    draft_->begin = begin;
    draft_->end = begin + length;
    draft_->period.first_frame = static_cast<std::int64_t>(begin);
    for (auto& leg : draft_->period.leg) leg.assign(static_cast<std::size_t>(length), 0.0F);
}

/// Copies the block's frames from its begin to `until`, which lie in the draft.
void PeriodAssembly::copy_into_draft(std::uint64_t until)
{
    const auto count = static_cast<std::size_t>(until - block_->begin);
    auto at = static_cast<std::size_t>(block_->begin - draft_->begin);
    const auto slices = samples_.peek(2 * count);  // the ring's size is even: no frame is cut in two
    for (const auto& slice : {slices.first, slices.second}) {
        for (std::size_t i = 0; i + 1 < slice.size(); i += 2, ++at) {
            draft_->period.leg[0][at] = slice[i];
            draft_->period.leg[1][at] = slice[i + 1];
        }
    }
    draft_->period.faults.add(block_->faults);
    draft_->has_frames = true;
}

std::optional<Period> PeriodAssembly::advance(const Playing& playing, std::uint64_t not_before)
{
    auto done = next(playing, not_before, {.length = playing.period_frames, .grid = playing.period_frames});
    if (!done) return std::nullopt;
    return std::move(done->period);
}

std::optional<Stretch> PeriodAssembly::advance(const Playing& playing, std::uint64_t not_before, std::uint64_t frames)
{
    auto done = next(playing, not_before, {.length = frames, .grid = 1});
    if (!done) return std::nullopt;
    auto& p = done->period;
    return Stretch{.leg = std::move(p.leg),
                   .first_frame = p.first_frame,
                   .position = static_cast<std::int64_t>((done->begin - done->play_start) % playing.period_frames),
                   .faults = p.faults};
}

std::optional<PeriodAssembly::Draft> PeriodAssembly::next(const Playing& playing, std::uint64_t not_before, Cut cut)
{
    while (block_ || load_block()) {
        if (block_->play_id != playing.play_id) {
            draft_.reset();
            skip_to(block_->end);
            continue;
        }
        if (draft_ && (draft_->begin < not_before || draft_->cut != cut)) draft_.reset();  // a later one is asked for now, or another
        if (!draft_) start_draft(playing, not_before, cut);

        // Frames between what was read and this block are gone.
        if (cursor_ < block_->begin && cursor_ < draft_->end && draft_->begin < block_->begin) {
            draft_->period.faults.add(Fault::lost);
        }
        if (block_->begin < draft_->begin) {
            skip_to(draft_->begin);
        } else if (block_->begin < draft_->end) {
            const std::uint64_t until = std::min(block_->end, draft_->end);
            copy_into_draft(until);
            skip_to(until);
        }
        // Complete, or cut short by a gap that reaches beyond its end.
        if (cursor_ >= draft_->end || (block_ && block_->begin >= draft_->end)) {
            Draft done = *std::exchange(draft_, std::nullopt);
            if (done.has_frames) return done;
        }
    }
    return std::nullopt;
}

void PeriodAssembly::discard()
{
    draft_.reset();
    while (block_ || load_block()) skip_to(block_->end);
}

}  // namespace lowleg::engine
