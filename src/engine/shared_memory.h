/// \file shared_memory.h
/// Memory that two processes see.
#pragma once

#include "core/result.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace lowleg::engine {

/// Gone when nobody maps it any more, once its name is forgotten.
class SharedMemory {
public:
    /// All 0, under a name that nobody else has. \return failure when there is not so much.
    static Result<SharedMemory> create(std::size_t bytes);
    /// What another process has created and not forgotten yet.
    static Result<SharedMemory> open(const std::string& name);
    SharedMemory(SharedMemory&&) noexcept;
    SharedMemory& operator=(SharedMemory&&) noexcept;
    ~SharedMemory();

    [[nodiscard]] const std::string& name() const noexcept;
    /// Aligned to a page.
    [[nodiscard]] std::span<std::byte> bytes() const noexcept;
    /// Nobody can open it from here on; who has it keeps it. What is killed then leaves nothing behind.
    void forget_name() noexcept;

private:
    struct Impl;
    explicit SharedMemory(std::unique_ptr<Impl>) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace lowleg::engine
