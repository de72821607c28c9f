#include "engine/backend.h"

namespace lowleg::engine {

Result<std::span<std::byte>> Backend::storage(const StorageSizes& sizes)
{
    memory_.assign((AudioStorage::bytes_needed(sizes) + sizeof(Line) - 1) / sizeof(Line), Line{});
    return std::as_writable_bytes(std::span{memory_});
}

}  // namespace lowleg::engine
