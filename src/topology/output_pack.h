/// \file output_pack.h
/// Four frequencies at a time (core/pack.h): what a fixture reads of an output, which fits compute most often. Each has the very result that
/// it would have alone, on all processors.
#pragma once

#include "core/fixture.h"
#include "core/pack.h"
#include "core/units.h"
#include "topology/output_model.h"

#include <array>
#include <cstddef>

namespace lowleg::topology {

inline constexpr std::size_t lane_count = numbers_in<Pack>;

/// One complex number of each frequency. In memory it stands where AVX expects it, which a Pack alone does only where all is compiled for AVX.
struct alignas(sizeof(Pack)) ComplexPack {
    Pack re{}, im{};

    void set(std::size_t lane, Complex value) noexcept
    {
        re[lane] = value.real();
        im[lane] = value.imag();
    }
    [[nodiscard]] Complex get(std::size_t lane) const noexcept { return {re[lane], im[lane]}; }
};
LOWLEG_INLINE ComplexPack operator+(const ComplexPack& a, const ComplexPack& b) noexcept { return {a.re + b.re, a.im + b.im}; }
LOWLEG_INLINE ComplexPack operator-(const ComplexPack& a, const ComplexPack& b) noexcept { return {a.re - b.re, a.im - b.im}; }
LOWLEG_INLINE ComplexPack operator*(const ComplexPack& a, const ComplexPack& b) noexcept { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
LOWLEG_INLINE ComplexPack operator*(const Pack& a, const ComplexPack& b) noexcept { return {a * b.re, a * b.im}; }
LOWLEG_INLINE ComplexPack operator*(double a, const ComplexPack& b) noexcept { return {a * b.re, a * b.im}; }
/// conj(a)·b
LOWLEG_INLINE ComplexPack along(const ComplexPack& a, const ComplexPack& b) noexcept { return {a.re * b.re + a.im * b.im, a.re * b.im - a.im * b.re}; }
LOWLEG_INLINE Pack norm(const ComplexPack& a) noexcept { return a.re * a.re + a.im * a.im; }
LOWLEG_INLINE ComplexPack inverse(const ComplexPack& a) noexcept
{
    const Pack n = 1.0 / norm(a);
    return {a.re * n, -a.im * n};
}

struct OutputPack {
    ComplexPack y22, y23, y32, y33;
    ComplexPack j2, j3;

    void set(std::size_t lane, const OutputAdmittances& o) noexcept
    {
        y22.set(lane, o.y22);
        y23.set(lane, o.y23);
        y32.set(lane, o.y32);
        y33.set(lane, o.y33);
        j2.set(lane, o.j2);
        j3.set(lane, o.j3);
    }
};

struct NetworkPack {
    ComplexPack y22, y33;
    Pack y23{};
    Pack probe2{}, probe3{};
    Pack load{};

    void set(std::size_t lane, const FixtureNetwork& n) noexcept
    {
        y22.set(lane, n.y22);
        y33.set(lane, n.y33);
        y23[lane] = n.y23;
        probe2[lane] = n.probe2;
        probe3[lane] = n.probe3;
        load[lane] = n.load;
    }
};

/// What inputs 1 and 2 carry: of the drive (inner EMF of 1), or of the probe (its open-circuit level 1, then the output is silent).
LOWLEG_INLINE void read(const NetworkPack& n, const OutputPack& o, SwitchState state, bool probe, std::array<ComplexPack, 2>& out) noexcept
{
    ComplexPack a22 = n.y22 + o.y22;
    ComplexPack a23{n.y23};
    ComplexPack a32{n.y23};
    ComplexPack a33 = n.y33;
    ComplexPack b2 = probe ? ComplexPack{n.probe2} : o.j2;
    ComplexPack b3 = probe ? ComplexPack{n.probe3} : ComplexPack{};
    if (state == SwitchState::lifted) {
        // Pin 3 on nothing, so that no current flows out of it, and its voltage follows from that.
        const ComplexPack transfer = o.y23 * inverse(o.y33);
        a22 = a22 - transfer * o.y32;
        if (!probe) b2 = b2 - transfer * o.j3;
    } else {
        a23 = a23 + o.y23;
        a32 = a32 + o.y32;
        a33 = a33 + o.y33;
        if (!probe) b3 = o.j3;
        if (state == SwitchState::loaded) a33.re += n.load;
        if (state == SwitchState::grounded) a33.re += FixtureNetwork::contact;
    }
    const ComplexPack scale = inverse(a22 * a33 - a23 * a32);
    out = {(a33 * b2 - a23 * b3) * scale, (a22 * b3 - a32 * b2) * scale};
}

}  // namespace lowleg::topology
