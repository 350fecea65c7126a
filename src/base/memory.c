/* Counted allocation over jemalloc (or libc in sanitizer builds): the one file that calls malloc.
 *
 * [X] Each registered thread owns its counters and is the only one to write them; mem_used and
 * mem_tls_used read them from other threads (relaxed: a snapshot needs no order). The table of
 * threads changes under a mutex, which the readers take as well, because a thread's counters live
 * in its thread-local storage and are gone once it has ended.
 */
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef USE_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "base/assert.h"
#include "base/log.h"

enum { THREADS_MAX = 512, TLS_RECORD_BUFFER_SIZE_MIN = 16 * 1024 };

/* Freely running sums; what is in use is their difference over all threads. */
struct counters {
    uint64_t allocated;
    uint64_t deallocated;
    uint64_t tls_allocated;
    uint64_t tls_deallocated;
};

/* Where a registered thread's counters are; `allocated` is NULL in a free slot. */
struct thread_slot {
    const uint64_t *allocated;
    const uint64_t *deallocated;
    const struct counters *own;
};

static struct {
    pthread_mutex_t mutex;
    struct thread_slot slots[THREADS_MAX];
    size_t slots_used_max; /* slots from here on were never used */
    struct counters ended; /* totals of threads that ended */
    uint64_t peak;         /* atomic */
    uint64_t fail_after;   /* atomic; 0 is off */
    bool initialised;
} memory = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static __thread struct counters own;
static __thread size_t tls_wiped_size; /* see mem_tls_wipe_freed */
static __thread struct thread_slot *own_slot;

/* Only this thread writes; the store is atomic so that a reader sees a whole number. */
static inline void count(uint64_t *counter, uint64_t size)
{
    __atomic_store_n(counter, *counter + size, __ATOMIC_RELAXED);
}

#ifdef USE_JEMALLOC
static inline void count_allocated(const void *fresh)
{
    (void)fresh;
}
static inline void count_deallocated(size_t size)
{
    (void)size;
}
static inline size_t counted_size(const void *old)
{
    (void)old;
    return 0;
}
#else
static inline void count_allocated(const void *fresh)
{
    if (fresh)
        count(&own.allocated, mem_usable_size(fresh));
}
static inline void count_deallocated(size_t size)
{
    count(&own.deallocated, size);
}
static inline size_t counted_size(const void *old)
{
    return old ? mem_usable_size(old) : 0;
}
#endif

static _Noreturn void out_of_memory(size_t size)
{
    log_warning("Out Of Memory allocating %zu bytes!", size);
    panic("Server aborting for OUT OF MEMORY. Allocating %zu bytes!", size);
}

/* -- allocation -- */

void *mem_alloc(size_t size)
{
    void *fresh = malloc(size ? size : 1);
    if (__builtin_expect(!fresh, 0))
        out_of_memory(size);
    count_allocated(fresh);
    return fresh;
}

void *mem_calloc(size_t number, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(number, size, &total))
        out_of_memory(SIZE_MAX);
    void *fresh = calloc(1, total ? total : 1);
    if (__builtin_expect(!fresh, 0))
        out_of_memory(total);
    count_allocated(fresh);
    return fresh;
}

void *mem_realloc(void *old, size_t size)
{
    size_t old_size = counted_size(old);
    void *fresh = realloc(old, size ? size : 1);
    if (__builtin_expect(!fresh, 0))
        out_of_memory(size);
    count_deallocated(old_size);
    count_allocated(fresh);
    return fresh;
}

void *mem_alloc_aligned(size_t alignment, size_t size)
{
    void *fresh = NULL;
    if (posix_memalign(&fresh, alignment, size ? size : 1) != 0 || !fresh)
        out_of_memory(size);
    count_allocated(fresh);
    return fresh;
}

/* True when a test asked for this allocation to fail. */
static inline bool must_fail(void)
{
    if (__builtin_expect(__atomic_load_n(&memory.fail_after, __ATOMIC_RELAXED) == 0, 1))
        return false;
    return __atomic_sub_fetch(&memory.fail_after, 1, __ATOMIC_RELAXED) == 0;
}

void *mem_try_alloc(size_t size)
{
    if (must_fail() || size > PTRDIFF_MAX)
        return NULL;
    void *fresh = malloc(size ? size : 1);
    count_allocated(fresh);
    return fresh;
}

void *mem_try_calloc(size_t number, size_t size)
{
    size_t total;
    if (must_fail() || __builtin_mul_overflow(number, size, &total) || total > PTRDIFF_MAX)
        return NULL;
    void *fresh = calloc(1, total ? total : 1);
    count_allocated(fresh);
    return fresh;
}

void *mem_try_realloc(void *old, size_t size)
{
    if (must_fail() || size > PTRDIFF_MAX)
        return NULL;
    size_t old_size = counted_size(old);
    void *fresh = realloc(old, size ? size : 1);
    if (fresh) {
        count_deallocated(old_size);
        count_allocated(fresh);
    }
    return fresh;
}

char *mem_strdup(const char *text)
{
    return mem_dup(text, strlen(text) + 1);
}

void *mem_dup(const void *data, size_t size)
{
    void *copy = mem_alloc(size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

void mem_free(void *old)
{
    if (!old)
        return;
    count_deallocated(counted_size(old));
    free(old);
}

void mem_wipe(void *data, size_t size)
{
    if (size)
        explicit_bzero(data, size);
}

void mem_discard_zeroes(void *data, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)data + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)data + size) & ~(page - 1);
    if (first < end)
        (void)madvise((char *)data + (first - (uintptr_t)data), end - first, MADV_DONTNEED);
}

void mem_free_secret(void *data, size_t size)
{
    if (!data)
        return;
    mem_wipe(data, size);
    mem_free(data);
}

size_t mem_usable_size(const void *data)
{
    return malloc_usable_size((void *)(uintptr_t)data);
}

size_t mem_good_size(size_t size)
{
#ifdef USE_JEMALLOC
    return nallocx(size ? size : 1, 0);
#else
    return size ? size : 1;
#endif
}

/* -- threads -- */

static void lock_threads(void)
{
    pthread_mutex_lock(&memory.mutex);
}

static void unlock_threads(void)
{
    pthread_mutex_unlock(&memory.mutex);
}

void mem_init(void)
{
    if (!memory.initialised) {
        memory.initialised = true;
        /* A child must not inherit the table locked by a thread that it does not have. */
        pthread_atfork(lock_threads, unlock_threads, unlock_threads);
    }
    mem_thread_start();
}

#ifdef USE_JEMALLOC
static void find_counters(struct thread_slot *slot)
{
    uint64_t *allocated = NULL;
    uint64_t *deallocated = NULL;
    size_t size = sizeof allocated;
    if (mallctl("thread.allocatedp", &allocated, &size, NULL, 0) != 0 ||
        mallctl("thread.deallocatedp", &deallocated, &size, NULL, 0) != 0)
        panic("jemalloc without thread statistics");
    slot->allocated = allocated;
    slot->deallocated = deallocated;
}
#else
static void find_counters(struct thread_slot *slot)
{
    slot->allocated = &own.allocated;
    slot->deallocated = &own.deallocated;
}
#endif

void mem_thread_start(void)
{
    if (own_slot)
        return;
    struct thread_slot mine = {.own = &own};
    find_counters(&mine);
    lock_threads();
    size_t i = 0;
    while (i < THREADS_MAX && memory.slots[i].allocated)
        i++;
    if (i < THREADS_MAX) {
        memory.slots[i] = mine;
        own_slot = &memory.slots[i];
        if (i >= memory.slots_used_max)
            memory.slots_used_max = i + 1;
    }
    unlock_threads();
    assert(own_slot);
}

static uint64_t peek(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void add_slot(struct counters *sum, const struct thread_slot *slot)
{
    sum->allocated += peek(slot->allocated);
    sum->deallocated += peek(slot->deallocated);
    sum->tls_allocated += peek(&slot->own->tls_allocated);
    sum->tls_deallocated += peek(&slot->own->tls_deallocated);
}

void mem_thread_stop(void)
{
    if (!own_slot)
        return;
    lock_threads();
    add_slot(&memory.ended, own_slot);
    *own_slot = (struct thread_slot){0};
    unlock_threads();
    own_slot = NULL;
    /* What this thread still does is added again should it register again. */
    own = (struct counters){0};
}

/* -- what is in use -- */

static struct counters sum_counters(void)
{
    lock_threads();
    struct counters sum = memory.ended;
    for (size_t i = 0; i < memory.slots_used_max; i++)
        if (memory.slots[i].allocated)
            add_slot(&sum, &memory.slots[i]);
    unlock_threads();
    return sum;
}

/* A free may have been counted before its allocation: then nothing is in use. */
static size_t difference(uint64_t allocated, uint64_t deallocated)
{
    int64_t used = (int64_t)(allocated - deallocated);
    return used > 0 ? (size_t)used : 0;
}

size_t mem_used(void)
{
    struct counters sum = sum_counters();
    size_t used = difference(sum.allocated, sum.deallocated);
    uint64_t peak = __atomic_load_n(&memory.peak, __ATOMIC_RELAXED);
    while (used > peak && !__atomic_compare_exchange_n(&memory.peak, &peak, used, true,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
    return used;
}

size_t mem_used_peak(void)
{
    mem_used();
    return __atomic_load_n(&memory.peak, __ATOMIC_RELAXED);
}

void mem_used_peak_reset(void)
{
    __atomic_store_n(&memory.peak, 0, __ATOMIC_RELAXED);
    mem_used();
}

/* -- for OpenSSL -- */

void *mem_tls_alloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size == 0 || size > PTRDIFF_MAX)
        return NULL;
    void *fresh = malloc(size);
    if (fresh) {
        count_allocated(fresh);
        count(&own.tls_allocated, mem_usable_size(fresh));
    }
    return fresh;
}

void *mem_tls_realloc(void *old, size_t size, const char *file, int line)
{
    if (!old)
        return mem_tls_alloc(size, file, line);
    if (size == 0) {
        mem_tls_free(old, file, line);
        return NULL;
    }
    if (size > PTRDIFF_MAX)
        return NULL;
    size_t old_size = mem_usable_size(old);
    void *fresh = realloc(old, size);
    if (fresh) {
        count_deallocated(old_size);
        count_allocated(fresh);
        count(&own.tls_deallocated, old_size);
        count(&own.tls_allocated, mem_usable_size(fresh));
    }
    return fresh;
}

void mem_tls_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    if (!old)
        return;
    size_t size = mem_usable_size(old);
    if (tls_wiped_size && size >= TLS_RECORD_BUFFER_SIZE_MIN)
        mem_wipe(old, tls_wiped_size < size ? tls_wiped_size : size);
    count(&own.tls_deallocated, size);
    count_deallocated(size);
    free(old);
}

void mem_tls_wipe_freed(size_t size)
{
    tls_wiped_size = size;
}

uint64_t mem_tls_balance(void)
{
    return own.tls_allocated - own.tls_deallocated;
}

uint64_t mem_thread_balance(void)
{
    if (!own_slot)
        return 0;
    return *own_slot->allocated - *own_slot->deallocated - mem_tls_balance();
}

size_t mem_tls_used(void)
{
    struct counters sum = sum_counters();
    return difference(sum.tls_allocated, sum.tls_deallocated);
}

/* -- figures -- */

static size_t read_process_rss(void)
{
    char text[256];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    const char *resident = strchr(text, ' ');
    if (!resident)
        return 0;
    return strtoull(resident, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

#ifdef USE_JEMALLOC
static size_t read_statistic(const char *name)
{
    size_t value = 0;
    size_t size = sizeof value;
    return mallctl(name, &value, &size, NULL, 0) == 0 ? value : 0;
}

#define ALL_ARENAS_TEXT(n)  ALL_ARENAS_TEXT_(n)
#define ALL_ARENAS_TEXT_(n) #n

void mem_read_stats(struct mem_stats *stats)
{
    uint64_t epoch = 1;
    size_t size = sizeof epoch;
    mallctl("epoch", &epoch, &size, &epoch, size);
    *stats = (struct mem_stats){
        .allocated = read_statistic("stats.allocated"),
        .active = read_statistic("stats.active"),
        .resident = read_statistic("stats.resident"),
        .retained = read_statistic("stats.retained"),
        .muzzy = read_statistic("stats.arenas." ALL_ARENAS_TEXT(MALLCTL_ARENAS_ALL) ".pmuzzy") *
                 read_statistic("arenas.page"),
        .process_rss = read_process_rss(),
    };
}

int mem_purge(void)
{
    const char *name = "arena." ALL_ARENAS_TEXT(MALLCTL_ARENAS_ALL) ".purge";
    return mallctl(name, NULL, NULL, NULL, 0) == 0 ? 0 : -1;
}

int mem_set_background_thread(bool enabled)
{
    return mallctl("background_thread", NULL, NULL, &enabled, sizeof(enabled)) == 0 ? 0 : -1;
}

int mem_control_integer(const char *name, int64_t *value, bool writes)
{
    int64_t fresh = *value;
    int result = EINVAL;
    /* Its size is not known: 64, 32, 16 or 8 bits. */
    for (size_t size = sizeof(fresh); size > 0 && result == EINVAL; size /= 2) {
        size_t old_size = size;
        *value = 0;
        result = mallctl(name, value, &old_size, writes ? &fresh : NULL, writes ? size : 0);
        if (result == EPERM && writes && mallctl(name, NULL, NULL, &fresh, size) == 0)
            return 1;
    }
    return -result;
}

/* Whether the parameter is a text: what else is read as one is a wild pointer. */
static bool is_text(const char *name)
{
    static const char *const names[] = {"version",
                                        "config.malloc_conf",
                                        "opt.metadata_thp",
                                        "opt.dss",
                                        "opt.percpu_arena",
                                        "opt.thp",
                                        "opt.zero_realloc",
                                        "opt.junk",
                                        "opt.prof_prefix",
                                        "thread.prof.name",
                                        "opt.stats_print_opts"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    size_t size = strlen(name);
    return strncmp(name, "arena.", 6) == 0 && size > 4 && strcmp(name + size - 4, ".dss") == 0;
}

int mem_control_text(const char *name, const char *fresh, const char **value)
{
    size_t size = sizeof(*value);
    int result = is_text(name) ? 0 : mallctl(name, NULL, NULL, NULL, 0) == ENOENT ? ENOENT : EINVAL;
    if (result == 0)
        result = mallctl(name, (void *)value, &size, NULL, 0);
    if (result == 0 && fresh)
        result = mallctl(name, NULL, NULL, (void *)&fresh, sizeof(fresh));
    return -result;
}

void mem_write_stats(void (*write)(void *context, const char *text), void *context)
{
    malloc_stats_print(write, context, NULL);
}

const char *mem_allocator_name(void)
{
    return "jemalloc-" ALL_ARENAS_TEXT(JEMALLOC_VERSION_MAJOR) "." ALL_ARENAS_TEXT(
        JEMALLOC_VERSION_MINOR) "." ALL_ARENAS_TEXT(JEMALLOC_VERSION_BUGFIX);
}
#else
void mem_read_stats(struct mem_stats *stats)
{
    size_t used = mem_used();
    size_t rss = read_process_rss();
    *stats =
        (struct mem_stats){.allocated = used, .active = rss, .resident = rss, .process_rss = rss};
}

int mem_purge(void)
{
    return 0; /* nothing is kept that could be given back */
}

int mem_set_background_thread(bool enabled)
{
    return enabled ? -1 : 0;
}

int mem_control_integer(const char *name, int64_t *value, bool writes)
{
    (void)name;
    (void)value;
    (void)writes;
    return -ENOENT;
}

int mem_control_text(const char *name, const char *fresh, const char **value)
{
    (void)name;
    (void)fresh;
    (void)value;
    return -ENOENT;
}

void mem_write_stats(void (*write)(void *context, const char *text), void *context)
{
    write(context, "Stats not supported for the current allocator");
}

const char *mem_allocator_name(void)
{
    return "libc";
}
#endif

void mem_test_fail_after(uint64_t n)
{
    __atomic_store_n(&memory.fail_after, n, __ATOMIC_RELAXED);
}
