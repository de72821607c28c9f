/// \file jack_interface.h
/// The interface's side of a served bench, in a few lines of JACK: plays a tone on one output, records both inputs.
#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::test {

/// A JACK client connected to a served bench as an interface is to a fixture.
class JackInterface {
public:
    /// \throws std::runtime_error when there is no server, or no such bench on it.
    /// \param ports  of the bench: what the interface's outputs 1 and 2 play into, what its inputs 1 and 2 record.
    explicit JackInterface(const std::string& bench_client, const std::array<std::string_view, 4>& ports = {"drive", "probe", "i2", "i3"});
    JackInterface(const JackInterface&) = delete;
    JackInterface& operator=(const JackInterface&) = delete;
    ~JackInterface();

    struct Tone {
        double frequency_hz;
        float amplitude;   ///< NaN plays NaN.
        bool to_probe;     ///< Else to the drive.
    };
    /// What came back over what was played, as phasors, from a whole number of cycles in about `frames` frames after
    /// `settling` frames. The delay of the way through JACK is in it.
    struct Heard {
        std::complex<double> i2, i3;
        bool is_finite;
    };
    /// Waits for the frames, not for a time. \throws std::runtime_error when no audio comes for 20 s.
    Heard play(const Tone& tone, std::int64_t settling, std::int64_t frames);

    [[nodiscard]] double sample_rate_hz() const;
    /// Port names of the bench in the order in which JACK lists them, with "<" for a port that takes audio and ">" for one that gives it.
    [[nodiscard]] std::vector<std::string> bench_ports() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace lowleg::test
