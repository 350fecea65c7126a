/* Signals: TERM and INT are read from a descriptor in main's loop; faults print a crash report. */
#include "base/clock.h"
#include "base/log.h"
#include "base/version.h"
#include "server/server.h"
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { BACKTRACE_DEPTH_MAX = 100 };

static void fill_handled(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

void server_block_signals(void)
{
    sigset_t set;
    fill_handled(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

static void on_signal(struct loop_watch *watch)
{
    struct server *server =
        (struct server *)((char *)watch - offsetof(struct server, signal_watch));
    struct signalfd_siginfo info;
    while (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        bool is_interrupt = info.ssi_signo == SIGINT;
        if (is_interrupt && server->is_shutdown_requested) {
            log_warning("You insist... exiting now.");
            _exit(1);
        }
        log_warning("Received %s scheduling shutdown...", is_interrupt ? "SIGINT" : "SIGTERM");
        int flags = is_interrupt ? server->settings.server.shutdown_on_sigint
                                 : server->settings.server.shutdown_on_sigterm;
        server_request_shutdown(server, (unsigned)flags);
    }
}

int server_watch_signals(struct server *server)
{
    sigset_t set;
    fill_handled(&set);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return -1;
    return loop_watch_start(io_pool_main_loop(server->pool), &server->signal_watch, fd, on_signal);
}

void server_unwatch_signals(struct server *server)
{
    int fd = server->signal_watch.fd;
    if (!server->signal_watch.is_active)
        return;
    loop_watch_stop(io_pool_main_loop(server->pool), &server->signal_watch);
    close(fd);
}

/* -- crash report: async-signal-safe calls only, but for the log line, whose risk is worth its use
 * -- */

#ifndef SLUICE_SANITIZER
static void print_backtrace(void)
{
    void *frames[BACKTRACE_DEPTH_MAX];
    int count = backtrace(frames, BACKTRACE_DEPTH_MAX);
    int fd = log_descriptor();
    backtrace_symbols_fd(frames, count, fd >= 0 ? fd : STDERR_FILENO);
}

static void report(const char *what)
{
    char text[512];
    snprintf(text, sizeof(text),
             "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n"
             "Sluice %s (Redis %s level) crashed: %s\n\n------ STACK TRACE ------\n",
             SLUICE_VERSION, REDIS_VERSION, what);
    log_raw(LOG_WARNING_, text);
    print_backtrace();
    log_raw(LOG_WARNING_, "\n=== REDIS BUG REPORT END. ===\n");
}

#ifndef SLUICE_SANITIZER
/* What a handler has to know: set once, before the handlers. */
static struct server *crashing;

/* A daemon that nobody supervises takes its pidfile along, as at an ordinary end. */
static void leave(void)
{
    const struct server_settings *settings = &crashing->settings.server;
    const char *pidfile = server_pidfile(settings);
    if (settings->daemonize && !crashing->supervisor && pidfile)
        unlink(pidfile);
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    char text[128];
    snprintf(text, sizeof(text), "signal %d (%s), code %d, address %p", signal_number,
             sigdescr_np(signal_number), info->si_code, info->si_addr);
    report(text);
    leave();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void on_panic(const char *message)
{
    report(message);
    leave();
    if (crashing->settings.server.use_exit_on_panic)
        _exit(1);
    signal(SIGABRT, SIG_DFL);
}
#endif

#endif

/* -- SIGALRM: where main is, for who asks; and by watchdog-period for who keeps main from its
 * periodic work for so long -- */

#ifdef SLUICE_SANITIZER
void server_arm_watchdog(struct server *server)
{
    (void)server;
}
#else
static void on_alarm(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    (void)context;
    int code = errno;
    bool is_watchdog = info->si_code == SI_TIMER;
    log_raw(LOG_WARNING_,
            is_watchdog ? "\n--- WATCHDOG TIMER EXPIRED ---\n" : "\nReceived SIGALRM\n");
    log_raw(LOG_WARNING_, "\n------ STACK TRACE ------\n");
    print_backtrace();
    log_raw(LOG_WARNING_, "--------\n");
    errno = code;
}

static bool create_watchdog(struct server *server)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    event._sigev_un._tid = gettid();
    return timer_create(CLOCK_MONOTONIC, &event, &server->watchdog) == 0;
}

void server_arm_watchdog(struct server *server)
{
    int64_t period_ms = server->settings.server.watchdog_period;
    if (period_ms == 0) {
        if (server->has_watchdog)
            timer_delete(server->watchdog);
        server->has_watchdog = false;
        return;
    }
    if (!server->has_watchdog && !create_watchdog(server))
        return;
    server->has_watchdog = true;
    int64_t least_ms = 2 * 1000 / server->hz;
    period_ms = period_ms < least_ms ? least_ms : period_ms;
    const struct itimerspec when = {
        .it_value = {.tv_sec = period_ms / 1000, .tv_nsec = period_ms % 1000 * 1000000}};
    (void)timer_settime(server->watchdog, 0, &when, NULL);
}
#endif

void server_install_crash_handlers(struct server *server)
{
#ifdef SLUICE_SANITIZER
    (void)server;
    signal(SIGALRM, SIG_IGN);
#else
    void *warm_up[1];
    (void)!backtrace(warm_up, 1); /* loads libgcc now, not in the handler */
    const struct sigaction on_sigalrm = {.sa_sigaction = on_alarm,
                                         .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGALRM, &on_sigalrm, NULL);
    if (!server->settings.server.crash_log_enabled)
        return;
    crashing = server;
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
    panic_set_hook(on_panic);
#endif
}
