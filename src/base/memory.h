/* Counted allocation: the one front through which the server and OpenSSL allocate.
 *
 * In a normal build this is jemalloc, and what is in use is read from jemalloc's own per-thread
 * counters (thread.allocatedp, thread.deallocatedp), so counting costs nothing per call. Sanitizer
 * builds (no USE_JEMALLOC) use libc and count with malloc_usable_size.
 *
 * mem_* abort the process when memory is exhausted; mem_try_* return NULL and are for sizes that a
 * client chose. Memory may be freed by any thread, but the house rule is that it is freed by the
 * thread that allocated it. Any thread.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *memory, size_t size) __attribute__((returns_nonnull));
void *mem_alloc_aligned(size_t alignment, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_try_alloc(size_t size) __attribute__((malloc));
void *mem_try_calloc(size_t count, size_t size) __attribute__((malloc));
void *mem_try_realloc(void *memory, size_t size);
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
void *mem_dup(const void *data, size_t size) __attribute__((malloc, returns_nonnull));
/* NULL is allowed. */
void mem_free(void *memory);
/* Overwrites `size` bytes in a way the compiler may not remove, then frees. For secrets. */
void mem_free_secret(void *memory, size_t size);
void mem_wipe(void *memory, size_t size);
/* Gives whole pages of a part of an allocation back to the system; the part must be zero, and stays
 * so. What is left is then freed in no time. */
void mem_discard_zeroes(void *memory, size_t size);

/* Bytes really occupied by an allocation (its size class). */
size_t mem_usable_size(const void *memory);
/* The size class that a request of `size` bytes would occupy. */
size_t mem_good_size(size_t size);

/* Bytes in use by the process, from all registered threads' counters. Any thread; a snapshot. */
size_t mem_used(void);
size_t mem_used_peak(void);
/* Sets the peak to the present use (CONFIG RESETSTAT). */
void mem_used_peak_reset(void);
/* Must be called by each thread once at its start and once at its end (the counters of a thread
 * that ended stay in the sum). The main thread is registered by mem_init. */
void mem_init(void);
void mem_thread_start(void);
void mem_thread_stop(void);

/* Allocation functions for OpenSSL (CRYPTO_set_mem_functions); counted separately as well. */
void *mem_tls_alloc(size_t size, const char *file, int line);
void *mem_tls_realloc(void *memory, size_t size, const char *file, int line);
void mem_tls_free(void *memory, const char *file, int line);
/* From now on this thread wipes the first `size` bytes (0: none) of what OpenSSL frees and is as
 * large as a record: a record buffer, in which no more than that was decrypted. OpenSSL's own
 * option for this wipes all 17 KB, however little there was. */
void mem_tls_wipe_freed(size_t size);
/* What this thread has allocated for OpenSSL less what it has freed, modulo 2^64: two readings
 * around a call tell what the call has kept. */
uint64_t mem_tls_balance(void);
/* The same without what was for OpenSSL. */
uint64_t mem_thread_balance(void);
/* Bytes held by OpenSSL now, all threads. */
size_t mem_tls_used(void);

struct mem_stats {
    size_t allocated;
    size_t active;
    size_t resident;
    size_t retained;
    size_t muzzy;
    size_t process_rss;
};
/* Allocator and process figures for INFO memory. Main thread; slow (reads /proc). */
void mem_read_stats(struct mem_stats *stats);
/* Returns unused pages to the system (MEMORY PURGE). 0, or -1 when the allocator cannot. */
int mem_purge(void);
/* Whether the allocator returns unused pages from a thread of its own ("jemalloc-bg-thread");
 * without it an idle thread's pages stay. 0, or -1 when the allocator has none. Main thread. */
int mem_set_background_thread(bool enabled);
/* The allocator's own statistics as text, in pieces. Main thread; slow. */
void mem_write_stats(void (*write)(void *context, const char *text), void *context);
/* Reads, and with `writes` sets, a parameter of the allocator that is a number (MALLCTL): 0 with
 * the old value in *value, 1 when it was set and cannot be read, or -errno. */
int mem_control_integer(const char *name, int64_t *value, bool writes);
/* The same for one that is a text; `fresh` may be NULL. 0 with the old value, or -errno. */
int mem_control_text(const char *name, const char *fresh, const char **value);
/* "jemalloc-5.3.0" or "libc". */
const char *mem_allocator_name(void);
/* Makes the n-th following allocation of the mem_try_ family fail (tests); 0 switches off. */
void mem_test_fail_after(uint64_t n);

#endif
