/* The calling thread's role: an index in thread-local storage. */
#include "base/thread_role.h"

#include <pthread.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/text.h"

enum { THREAD_NAME_SIZE = 16 }; /* the kernel's, with the NUL */

struct thread_role main_role;
struct thread_role io_role;

static __thread int own_index = THREAD_INDEX_NONE;

void thread_role_enter(int index, const char *name)
{
    assert(index >= THREAD_INDEX_NONE);
    char short_name[THREAD_NAME_SIZE];
    text_copy(short_name, sizeof short_name, name);
    pthread_setname_np(pthread_self(), short_name);
    own_index = index;
    mem_thread_start();
}

void thread_role_leave(void)
{
    own_index = THREAD_INDEX_NONE;
    mem_thread_stop();
}

int thread_index_current(void)
{
    return own_index;
}

void entering_main(void)
{
    assert(own_index == THREAD_INDEX_MAIN);
}

void entering_io(void)
{
    assert(own_index >= THREAD_INDEX_MAIN);
}
