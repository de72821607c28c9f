#include "engine/child_process.h"

#include <boost/dll/runtime_symbol_info.hpp>
#include <boost/process.hpp>

#if __has_include(<fcntl.h>)
#include <fcntl.h>
#endif

#include <system_error>
#include <utility>

namespace lowleg::engine {

namespace process = boost::process;

struct ChildProcess::Impl {
    process::opstream input;
    process::child child;
};

ChildProcess::ChildProcess(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}
ChildProcess::ChildProcess(ChildProcess&&) noexcept = default;
ChildProcess& ChildProcess::operator=(ChildProcess&&) noexcept = default;
ChildProcess::~ChildProcess()
{
    if (impl_) end_now();
}

Result<ChildProcess> ChildProcess::start(const std::filesystem::path& program, const std::vector<std::string>& arguments)
{
    auto impl = std::make_unique<Impl>();
#ifdef FD_CLOEXEC
    // Another program that is started from here must not keep the input open when this process is gone.
    ::fcntl(impl->input.pipe().native_sink(), F_SETFD, FD_CLOEXEC);
    ::fcntl(impl->input.pipe().native_source(), F_SETFD, FD_CLOEXEC);
#endif
    std::error_code refused;
    impl->child = process::child{program.string(), process::args(arguments), process::std_in < impl->input, process::std_out > process::null, process::std_err > process::null, refused};
    if (refused) return Error{program.string() + " cannot be started (" + refused.message() + "): see that it is there and may be run"};
    return ChildProcess{std::move(impl)};
}

bool ChildProcess::is_running() noexcept
{
    std::error_code unknown;
    return impl_->child.running(unknown) && !unknown;
}

int ChildProcess::id() const noexcept { return static_cast<int>(impl_->child.id()); }

void ChildProcess::end_now() noexcept
{
    if (!is_running()) return;
    std::error_code gone;
    impl_->child.terminate(gone);
}

std::filesystem::path this_program() { return boost::dll::program_location().string(); }

}  // namespace lowleg::engine
