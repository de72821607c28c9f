#include "support/realtime_guard.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(realtime_sanitizer) || __has_feature(memory_sanitizer)
#define LOWLEG_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOWLEG_SANITIZED
#endif
#if defined(__GLIBC__) && !defined(LOWLEG_SANITIZED)
#define LOWLEG_INTERPOSES
#endif

namespace lowleg::testing {
namespace {

// Plain thread-local words: reading them allocates nothing.
thread_local bool inside = false;
thread_local int calls = 0;
thread_local const char* first = nullptr;

[[maybe_unused]] void note(const char* name) noexcept
{
    if (!inside) return;
    if (calls++ == 0) first = name;
}

}  // namespace

bool realtime_guard_works() noexcept
{
#ifdef LOWLEG_INTERPOSES
    return true;
#else
    return false;
#endif
}

RealtimeScope::RealtimeScope() noexcept { inside = true; }
RealtimeScope::~RealtimeScope() { inside = false; }

Caught take_caught()
{
    Caught caught{calls, first == nullptr ? "" : first};
    calls = 0;
    first = nullptr;
    return caught;
}

}  // namespace lowleg::testing

#ifdef LOWLEG_INTERPOSES

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <ctime>

using lowleg::testing::note;

// The allocator under its second set of names, which glibc keeps for this purpose.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t n) noexcept { note("malloc"); return __libc_malloc(n); }
void* calloc(std::size_t n, std::size_t size) noexcept { note("calloc"); return __libc_calloc(n, size); }
void* realloc(void* p, std::size_t n) noexcept { note("realloc"); return __libc_realloc(p, n); }
void free(void* p) noexcept { note("free"); __libc_free(p); }
void* memalign(std::size_t alignment, std::size_t n) noexcept { note("memalign"); return __libc_memalign(alignment, n); }
void* aligned_alloc(std::size_t alignment, std::size_t n) noexcept { note("aligned_alloc"); return __libc_memalign(alignment, n); }
int posix_memalign(void** out, std::size_t alignment, std::size_t n) noexcept
{
    note("posix_memalign");
    *out = __libc_memalign(alignment, n);
    return *out == nullptr ? ENOMEM : 0;
}
}

namespace {

/// The function that would have been called without us. Looked up once; until then nothing is guarded.
template <class F>
F* next(F*& known, const char* name) noexcept
{
    if (known == nullptr) known = reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
    return known;
}

}  // namespace

// Notes the call and passes it on.
#define LOWLEG_GUARD(result, name, qualifier, parameters, arguments)                          \
    extern "C" result name parameters qualifier                                               \
    {                                                                                         \
        note(#name);                                                                          \
        static result(*known) parameters = nullptr;                                           \
        return next(known, #name) arguments;                                                  \
    }

LOWLEG_GUARD(int, pthread_mutex_lock, noexcept, (pthread_mutex_t * m), (m))
LOWLEG_GUARD(int, pthread_mutex_trylock, noexcept, (pthread_mutex_t * m), (m))
LOWLEG_GUARD(int, pthread_mutex_unlock, noexcept, (pthread_mutex_t * m), (m))
LOWLEG_GUARD(int, pthread_rwlock_rdlock, noexcept, (pthread_rwlock_t * l), (l))
LOWLEG_GUARD(int, pthread_rwlock_wrlock, noexcept, (pthread_rwlock_t * l), (l))
LOWLEG_GUARD(int, pthread_cond_wait, , (pthread_cond_t * c, pthread_mutex_t* m), (c, m))
LOWLEG_GUARD(int, pthread_cond_timedwait, , (pthread_cond_t * c, pthread_mutex_t* m, const timespec* t), (c, m, t))
LOWLEG_GUARD(int, pthread_cond_signal, noexcept, (pthread_cond_t * c), (c))
LOWLEG_GUARD(int, pthread_cond_broadcast, noexcept, (pthread_cond_t * c), (c))
LOWLEG_GUARD(int, sem_wait, , (sem_t * s), (s))
LOWLEG_GUARD(int, sem_post, noexcept, (sem_t * s), (s))
LOWLEG_GUARD(ssize_t, read, , (int fd, void* p, std::size_t n), (fd, p, n))
LOWLEG_GUARD(ssize_t, write, , (int fd, const void* p, std::size_t n), (fd, p, n))
LOWLEG_GUARD(ssize_t, writev, , (int fd, const iovec* v, int n), (fd, v, n))
LOWLEG_GUARD(int, poll, , (pollfd * p, nfds_t n, int ms), (p, n, ms))
LOWLEG_GUARD(int, select, , (int n, fd_set* r, fd_set* w, fd_set* e, timeval* t), (n, r, w, e, t))
LOWLEG_GUARD(int, nanosleep, , (const timespec* t, timespec* rest), (t, rest))
LOWLEG_GUARD(int, clock_nanosleep, , (clockid_t c, int flags, const timespec* t, timespec* rest), (c, flags, t, rest))
LOWLEG_GUARD(int, usleep, , (useconds_t t), (t))
LOWLEG_GUARD(int, sched_yield, noexcept, (), ())

#endif
