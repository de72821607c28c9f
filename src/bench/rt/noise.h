/// \file noise.h
/// Random numbers on the audio thread. Set-up of the table: bench/noise_table.h.
#pragma once

#include "core/realtime.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lowleg::bench::rt {

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): every seed is good.
class RandomWords {
public:
    explicit RandomWords(std::uint64_t seed) noexcept : state_{seed} {}

    std::uint64_t next() LOWLEG_REALTIME
    {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }

private:
    std::uint64_t state_;
};

/// How far out from the middle a normal distribution of unit variance lies with a given probability, as straight pieces: the
/// probabilities 1 to 1/2, 1/2 to 1/4, … in equal parts each.
struct NormalTable {
    static constexpr std::size_t octaves = 25;
    static constexpr std::size_t parts = 16;
    static constexpr unsigned fraction_bits = 27;
    struct Piece {
        float outermost;  ///< At the piece's least probability.
        float slope;      ///< Per 2^−fraction_bits of the piece.
    };
    std::array<Piece, octaves * parts> pieces{};
};

/// White Gaussian noise of unit variance on two channels, independent of each other: half a random word for each. Within
/// ±5.6; its distribution is exact at the ends of the table's pieces, its density within them to some percent.
class Noise {
public:
    /// \param table  outlives this.
    Noise(const NormalTable& table, std::uint64_t seed) noexcept : table_{&table}, words_{seed} {}

    void restart(std::uint64_t seed) LOWLEG_REALTIME { words_ = RandomWords{seed}; }

    std::array<float, 2> next() LOWLEG_REALTIME
    {
        const std::uint64_t word = words_.next();
        return {gaussian(static_cast<std::uint32_t>(word >> 32U)), gaussian(static_cast<std::uint32_t>(word))};
    }

private:
    /// One bit is the sign. The leading zeros of the others say in which octave of probability this is, the four bits after
    /// the leading one in which part, the rest where in the part.
    [[nodiscard]] float gaussian(std::uint32_t bits) const LOWLEG_REALTIME
    {
        constexpr std::uint32_t end = 1U << (32U - NormalTable::octaves - 1U);  // the last octave ends the table
        const std::uint32_t probability = bits >> 1U;
        const auto zeros = static_cast<unsigned>(std::countl_zero(probability | end));
        const std::uint32_t shifted = probability << zeros;
        const auto& piece = table_->pieces[(zeros - 1U) * NormalTable::parts + ((shifted >> NormalTable::fraction_bits) & (NormalTable::parts - 1U))];
        const auto fraction = static_cast<float>(static_cast<std::int32_t>(shifted & ((1U << NormalTable::fraction_bits) - 1U)));
        const float x = piece.outermost + piece.slope * fraction;
        return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) ^ (bits << 31U));
    }

    const NormalTable* table_;
    RandomWords words_;
};

}  // namespace lowleg::bench::rt
