/* Indices belong to threads; entering_* abort on the wrong one. */
#include "base/thread_role.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/memory.h"

Test(thread_role, main_holds_both_roles)
{
    cr_assert_eq(thread_index_current(), THREAD_INDEX_NONE);
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    cr_assert_eq(thread_index_current(), 0);
    entering_main();
    entering_io();
    thread_role_leave();
    cr_assert_eq(thread_index_current(), THREAD_INDEX_NONE);
}

struct result {
    char name[32];
    int index;
    void *memory;
};

static void *be_io_thread(void *argument)
{
    struct result *result = argument;
    thread_role_enter(3, "a-name-longer-than-the-kernel-takes");
    entering_io();
    result->index = thread_index_current();
    pthread_getname_np(pthread_self(), result->name, sizeof result->name);
    result->memory = mem_alloc(1 << 20);
    thread_role_leave();
    return NULL;
}

Test(thread_role, io_thread_is_named_indexed_and_counted)
{
    mem_init();
    size_t before = mem_used();
    struct result result;
    pthread_t thread;
    pthread_create(&thread, NULL, be_io_thread, &result);
    pthread_join(thread, NULL);
    cr_assert_eq(result.index, 3);
    cr_assert_str_eq(result.name, "a-name-longer-t");
    cr_assert_eq(thread_index_current(), THREAD_INDEX_NONE);
    cr_assert_geq(mem_used(), before + (1 << 20));
    mem_free(result.memory);
}

Test(thread_role, io_thread_is_not_main, .signal = SIGABRT)
{
    thread_role_enter(1, "io-1");
    entering_main();
}

Test(thread_role, other_thread_is_not_io, .signal = SIGABRT)
{
    thread_role_enter(THREAD_INDEX_NONE, "worker");
    entering_io();
}

Test(thread_role, unregistered_thread_is_not_main, .signal = SIGABRT)
{
    entering_main();
}
