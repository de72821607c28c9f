/// \file program.h
/// The program as its users start it, on a JACK server and in a home of the test's own.
#pragma once

#include "support/jack_server_fixture.h"
#include "support/process.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::test {

using Words = std::vector<std::string>;

/// An empty directory that goes away with the test.
class ScratchDirectory {
public:
    ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ~ScratchDirectory();
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// `lowleg …` with what it needs to find one JACK server and nothing of the user's.
class Program {
public:
    /// On a JACK server, or on the name of one that does not run.
    explicit Program(const JackServer& server) : environment_{server.environment()} { complete(); }
    explicit Program(std::string missing_server)
        : environment_{{"JACK_DEFAULT_SERVER", std::move(missing_server)}, {"JACK_NO_START_SERVER", "1"}}
    {
        complete();
    }

    /// From start to end. \throws std::runtime_error when it hangs.
    [[nodiscard]] Outcome run(const Words& words, std::chrono::seconds limit = std::chrono::seconds{90}) const;
    /// Started, not awaited.
    [[nodiscard]] std::unique_ptr<Process> start(const Words& words) const;
    /// A line of shell that names the program by its path, with what the program needs.
    [[nodiscard]] std::unique_ptr<Process> start_shell(const std::string& line) const;
    /// `lowleg bench serve CIRCUIT …`, ready. \throws std::runtime_error with what it said instead.
    [[nodiscard]] std::unique_ptr<Process> serve(const std::string& circuit, const Words& words = {}) const;

    /// The command with which `identify` moves the switch of the served bench. Each state taken over leaves a file of its
    /// name in scratch(), so that a test knows how far the measurement is.
    [[nodiscard]] std::string switch_command(const std::string& client = "lowleg-bench") const;
    /// Waits until the switch has been moved to `state`. \return false when it was not within `limit`.
    [[nodiscard]] bool wait_for_state(const std::string& state, std::chrono::seconds limit = std::chrono::seconds{40}) const;

    [[nodiscard]] const std::filesystem::path& scratch() const noexcept { return scratch_.path(); }

private:
    void complete();

    ScratchDirectory scratch_;
    Process::Environment environment_;
};

/// Joined to a list of words.
[[nodiscard]] Words operator+(Words words, const Words& more);

}  // namespace lowleg::test
