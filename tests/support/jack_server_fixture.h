/// \file jack_server_fixture.h
/// A JACK server without a sound card, for one test: its own name, its own process, nothing left behind.
#pragma once

#include "support/process.h"

#include <memory>
#include <string>

namespace lowleg::test {

/// `jackd -r -S -d dummy` under a name of its own; never the user's default server.
/// Synchronous mode (-S), because it alone loses no samples on a machine that is itself kept waiting.
class JackServer {
public:
    /// Whether jackd and its tools are there; a live test requires it.
    [[nodiscard]] static bool is_installed();

    /// Returns when clients can connect. \throws std::runtime_error when it does not come up.
    explicit JackServer(int sample_rate_hz = 48'000, int period_frames = 256, int channels = 2);
    JackServer(const JackServer&) = delete;
    JackServer& operator=(const JackServer&) = delete;
    ~JackServer();

    /// What a client needs to find this server, and to start no other.
    [[nodiscard]] Process::Environment environment() const;
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    void set_freewheel(bool on);         ///< As fast as the processor allows, instead of in real time.
    void set_period(int frames);         ///< While it runs.
    /// Both by full name: "client:port".
    void connect(const std::string& from, const std::string& to);
    void disconnect(const std::string& from, const std::string& to);
    void crash();                        ///< kill -9.
    void restart();                      ///< After a crash, under the same name.
    void freeze(bool on);                ///< It stands still, and is still there.

private:
    void launch();

    std::string name_;
    int sample_rate_hz_;
    int period_frames_;
    int channels_;
    std::unique_ptr<Process> process_;
    bool crashed_{false};
};

}  // namespace lowleg::test
