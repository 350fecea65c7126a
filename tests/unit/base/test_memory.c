/* Counted allocation: what is in use, by thread and for OpenSSL, and what may fail. */
#include "base/memory.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

enum { MB = 1024 * 1024 };

static bool near(size_t actual, size_t expected, size_t tolerance)
{
    size_t difference = actual > expected ? actual - expected : expected - actual;
    return difference <= tolerance;
}

Test(memory, used_follows_allocations)
{
    mem_init();
    size_t before = mem_used();
    char *block = mem_alloc(3 * MB);
    memset(block, 1, 3 * MB);
    cr_assert(near(mem_used() - before, mem_usable_size(block), 4096));
    block = mem_realloc(block, 5 * MB);
    cr_assert(near(mem_used() - before, mem_usable_size(block), 4096));
    cr_assert_eq(block[0], 1);
    mem_free(block);
    cr_assert(near(mem_used(), before, 4096));
    mem_free(NULL);
}

Test(memory, peak_remembers_and_resets)
{
    mem_init();
    mem_used_peak_reset();
    size_t before = mem_used();
    char *block = mem_calloc(2, MB);
    cr_assert_eq(block[2 * MB - 1], 0);
    mem_used();
    mem_free(block);
    cr_assert_geq(mem_used_peak(), before + 2 * MB);
    mem_used_peak_reset();
    cr_assert_lt(mem_used_peak(), before + MB);
}

static void *allocate_in_thread(void *argument)
{
    mem_thread_start();
    mem_thread_start(); /* twice is once */
    *(char **)argument = mem_alloc(MB);
    mem_thread_stop();
    return NULL;
}

Test(memory, ended_threads_keep_their_totals)
{
    mem_init();
    size_t before = mem_used();
    char *blocks[8];
    for (int i = 0; i < 8; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, allocate_in_thread, &blocks[i]);
        pthread_join(thread, NULL);
    }
    cr_assert(near(mem_used() - before, 8 * MB, MB / 2), "%zu", mem_used() - before);
    for (int i = 0; i < 8; i++)
        mem_free(blocks[i]); /* in another thread than allocated it */
    cr_assert(near(mem_used(), before, MB / 2));
}

static pthread_barrier_t barrier;

static void *hold_until_told(void *argument)
{
    (void)argument;
    mem_thread_start();
    char *block = mem_alloc(4 * MB);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    mem_free(block);
    mem_thread_stop();
    return NULL;
}

Test(memory, live_threads_are_summed)
{
    mem_init();
    pthread_barrier_init(&barrier, NULL, 2);
    size_t before = mem_used();
    pthread_t thread;
    pthread_create(&thread, NULL, hold_until_told, NULL);
    pthread_barrier_wait(&barrier);
    size_t during = mem_used();
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    cr_assert_geq(during, before + 4 * MB);
    cr_assert_lt(mem_used(), before + MB);
}

Test(memory, try_refuses_what_cannot_be)
{
    cr_assert_null(mem_try_alloc(SIZE_MAX));
    cr_assert_null(mem_try_calloc(SIZE_MAX / 2, 3));
    char *block = mem_try_alloc(10);
    cr_assert_not_null(block);
    memcpy(block, "123456789", 10);
    cr_assert_null(mem_try_realloc(block, SIZE_MAX - 10));
    cr_assert_str_eq(block, "123456789");
    block = mem_try_realloc(block, 100000);
    cr_assert_str_eq(block, "123456789");
    mem_free(block);
}

Test(memory, failure_on_order)
{
    mem_test_fail_after(3);
    void *first = mem_try_alloc(1);
    void *second = mem_try_calloc(1, 1);
    cr_assert_not_null(first);
    cr_assert_not_null(second);
    cr_assert_null(mem_try_realloc(first, 100));
    void *again = mem_try_realloc(first, 100);
    cr_assert_not_null(again);
    mem_test_fail_after(1);
    void *aborting = mem_alloc(5); /* not of the try family */
    cr_assert_null(mem_try_alloc(1));
    mem_test_fail_after(0);
    mem_free(aborting);
    mem_free(second);
    mem_free(again);
}

Test(memory, exhaustion_aborts, .signal = SIGABRT)
{
    mem_calloc(SIZE_MAX / 2, 8);
}

Test(memory, zero_sizes_are_allocations)
{
    void *a = mem_alloc(0);
    void *b = mem_calloc(0, 8);
    void *c = mem_realloc(NULL, 0);
    cr_assert(a && b && c);
    mem_free(a);
    mem_free(b);
    mem_free(c);
}

Test(memory, copies)
{
    char *text = mem_strdup("hello");
    cr_assert_str_eq(text, "hello");
    char *data = mem_dup("a\0b", 3);
    cr_assert_arr_eq(data, "a\0b", 3);
    mem_wipe(data, 3);
    cr_assert_arr_eq(data, "\0\0\0", 3);
    mem_free(data);
    mem_free_secret(text, 5);
    mem_free_secret(NULL, 5);
    char *aligned = mem_alloc_aligned(4096, 100);
    cr_assert_eq((uintptr_t)aligned % 4096, 0);
    mem_free(aligned);
}

Test(memory, usable_and_good_sizes_agree)
{
    for (size_t size = 1; size < 100000; size = size * 3 / 2 + 1) {
        char *block = mem_alloc(size);
        cr_assert_eq(mem_usable_size(block), mem_good_size(size), "%zu", size);
        cr_assert_geq(mem_usable_size(block), size);
        mem_free(block);
    }
}

Test(memory, tls_is_counted_apart)
{
    mem_init();
    size_t before = mem_tls_used();
    size_t used_before = mem_used();
    void *ordinary = mem_alloc(MB);
    void *block = mem_tls_alloc(MB, "f", 1);
    cr_assert_eq(mem_tls_used() - before, mem_usable_size(block));
    block = mem_tls_realloc(block, 2 * MB, "f", 2);
    cr_assert_eq(mem_tls_used() - before, mem_usable_size(block));
    cr_assert_geq(mem_used(), used_before + 3 * MB);
    mem_free(ordinary);
    mem_tls_free(block, "f", 3);
    cr_assert_eq(mem_tls_used(), before);
    cr_assert_null(mem_tls_alloc(0, "f", 4));
    block = mem_tls_realloc(NULL, 10, "f", 5);
    cr_assert_not_null(block);
    cr_assert_null(mem_tls_realloc(block, 0, "f", 6));
    mem_tls_free(NULL, "f", 7);
    cr_assert_eq(mem_tls_used(), before);
}

Test(memory, statistics)
{
    mem_init();
    char *block = mem_alloc(8 * MB);
    memset(block, 1, 8 * MB);
    struct mem_stats stats;
    mem_read_stats(&stats);
    cr_assert_geq(stats.allocated, 8 * MB);
    cr_assert_geq(stats.active, stats.allocated);
    cr_assert_geq(stats.resident, stats.active);
    cr_assert_geq(stats.process_rss, 8 * MB);
    mem_free(block);
    const char *name = mem_allocator_name();
    if (strcmp(name, "libc") == 0) {
        cr_assert_eq(mem_purge(), 0);
    } else {
        cr_assert(strncmp(name, "jemalloc-5.", 11) == 0, "%s", name);
        cr_assert_eq(mem_purge(), 0);
    }
}

Test(memory, background_thread_can_be_switched)
{
    bool is_jemalloc = strncmp(mem_allocator_name(), "jemalloc", 8) == 0;
    cr_assert_eq(mem_set_background_thread(true), is_jemalloc ? 0 : -1);
    cr_assert_eq(mem_set_background_thread(false), 0);
}

Test(memory, discarded_zeroes_stay_zeroes)
{
    enum { SIZE = 1 << 20 };
    char *data = mem_calloc(1, SIZE);
    memset(data, 7, SIZE);
    memset(data + 100, 0, SIZE - 200);
    mem_discard_zeroes(data + 100, SIZE - 200);
    mem_discard_zeroes(data + 100, 10); /* no whole page */
    for (int i = 0; i < SIZE; i++)
        cr_assert_eq(data[i], i < 100 || i >= SIZE - 100 ? 7 : 0);
    mem_free(data);
}
