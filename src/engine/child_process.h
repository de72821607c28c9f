/// \file child_process.h
/// A program that runs for this one, and not longer.
#pragma once

#include "core/result.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace lowleg::engine {

/// Started without a terminal: what it prints goes nowhere. Its standard input ends when this object is gone, or the process that made it.
class ChildProcess {
public:
    static Result<ChildProcess> start(const std::filesystem::path& program, const std::vector<std::string>& arguments);
    ChildProcess(ChildProcess&&) noexcept;
    ChildProcess& operator=(ChildProcess&&) noexcept;
    ~ChildProcess();  ///< Ends it at once where it still runs.

    [[nodiscard]] bool is_running() noexcept;
    [[nodiscard]] int id() const noexcept;
    /// By its id, whatever it does.
    void end_now() noexcept;

private:
    struct Impl;
    explicit ChildProcess(std::unique_ptr<Impl>) noexcept;
    std::unique_ptr<Impl> impl_;
};

/// The program that runs here, to be started once more.
[[nodiscard]] std::filesystem::path this_program();

}  // namespace lowleg::engine
