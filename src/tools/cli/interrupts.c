/* See interrupts.h. The handlers do only what is allowed in one: write(2) and _exit(2). */
#include "tools/cli/interrupts.h"

#include "base/assert.h"
#include "tools/common/sync_client.h"
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* A handler gets no argument, so its client is a file static. */
static struct sync_client *waiting_client;

static void on_signal_wake(int signal_number)
{
    (void)signal_number;
    sync_client_interrupt(waiting_client);
}

static void on_signal_exit(int signal_number)
{
    (void)signal_number;
    _exit(1);
}

static void install(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    int result = sigaction(SIGINT, &action, NULL);
    assert(result == 0);
}

void interrupts_wake(struct sync_client *client)
{
    waiting_client = client;
    install(on_signal_wake);
}

void interrupts_exit(void)
{
    install(on_signal_exit);
    waiting_client = NULL;
}

void interrupts_hold(void)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    int result = sigprocmask(SIG_BLOCK, &held, NULL);
    assert(result == 0);
}

bool interrupts_are_held(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGINT) == 1;
}
