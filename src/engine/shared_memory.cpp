#include "engine/shared_memory.h"

#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>

#include <filesystem>
#include <random>
#include <system_error>
#include <utility>

namespace lowleg::engine {
namespace {

namespace ipc = boost::interprocess;

std::string new_name()
{
    std::random_device random;
    std::string out = "lowleg-";
    for (int i = 0; i < 3; ++i) out += std::to_string(random());
    return out;
}

/// Where the system keeps shared memory in a folder, writing beyond what is left in it would end the process.
Status check_room(std::size_t bytes)
{
    constexpr const char* folder = "/dev/shm";
    std::error_code none;
    const auto space = std::filesystem::space(folder, none);
    if (none || space.available >= bytes) return Done{};
    return Error{"the audio needs " + std::to_string(bytes / 1'000'000 + 1) + " MB of shared memory, and " + folder + " has " + std::to_string(space.available / 1'000'000) +
                 " MB left: make it larger, or end programs that use it"};
}

}  // namespace

struct SharedMemory::Impl {
    std::string name;
    bool is_owner{};
    ipc::mapped_region region;

    void forget() noexcept
    {
        if (std::exchange(is_owner, false)) ipc::shared_memory_object::remove(name.c_str());
    }
    ~Impl() { forget(); }
};

SharedMemory::SharedMemory(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}
SharedMemory::SharedMemory(SharedMemory&&) noexcept = default;
SharedMemory& SharedMemory::operator=(SharedMemory&&) noexcept = default;
SharedMemory::~SharedMemory() = default;

Result<SharedMemory> SharedMemory::create(std::size_t bytes)
{
    if (auto room = check_room(bytes); !room) return room.error();
    auto impl = std::make_unique<Impl>();
    impl->name = new_name();
    try {
        ipc::shared_memory_object object{ipc::create_only, impl->name.c_str(), ipc::read_write};
        impl->is_owner = true;
        object.truncate(static_cast<ipc::offset_t>(bytes));
        impl->region = ipc::mapped_region{object, ipc::read_write};
    } catch (const ipc::interprocess_exception& refused) {
        return Error{"the audio cannot have " + std::to_string(bytes / 1'000'000 + 1) + " MB of shared memory (" + refused.what() + "): end other programs and try again"};
    }
    return SharedMemory{std::move(impl)};
}

Result<SharedMemory> SharedMemory::open(const std::string& name)
{
    auto impl = std::make_unique<Impl>();
    impl->name = name;
    try {
        const ipc::shared_memory_object object{ipc::open_only, name.c_str(), ipc::read_write};
        impl->region = ipc::mapped_region{object, ipc::read_write};
    } catch (const ipc::interprocess_exception& refused) {
        return Error{"there is no shared memory \"" + name + "\" (" + refused.what() + "): this command is started by lowleg itself, not by hand", ErrorKind::usage};
    }
    return SharedMemory{std::move(impl)};
}

const std::string& SharedMemory::name() const noexcept { return impl_->name; }

std::span<std::byte> SharedMemory::bytes() const noexcept { return {static_cast<std::byte*>(impl_->region.get_address()), impl_->region.get_size()}; }

void SharedMemory::forget_name() noexcept { impl_->forget(); }

}  // namespace lowleg::engine
