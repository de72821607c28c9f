#include "circuit/radau.h"

#include "circuit/linear_solver.h"

namespace lowleg::circuit {

Radau::Radau()
{
    constexpr double s = root_6;
    Matrix a{3, 3};
    a.values = {(88.0 - 7.0 * s) / 360.0,     (296.0 + 169.0 * s) / 1800.0, (16.0 - s) / 36.0,
                (296.0 - 169.0 * s) / 1800.0, (88.0 + 7.0 * s) / 360.0,     (16.0 + s) / 36.0,
                (-2.0 + 3.0 * s) / 225.0,     (-2.0 - 3.0 * s) / 225.0,     1.0 / 9.0};
    Matrix one{3, 3};
    for (std::size_t i = 0; i < 3; ++i) one(i, i) = 1.0;
    inverse = *solve(a, one);
}

}  // namespace lowleg::circuit
