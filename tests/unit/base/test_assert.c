/* Assertions abort, report through the hook once, and cost nothing when they hold. */
#include "base/assert.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

Test(assert, holds_quietly)
{
    int one = 1;
    assert(one == 1);
    assert_slow(one == 1);
}

Test(assert, aborts, .signal = SIGABRT)
{
    int one = 1;
    assert(one == 2);
}

Test(assert, panic_aborts, .signal = SIGABRT)
{
    panic("state %d cannot be", 5);
}

static int report_fd;
static int hook_calls;

static void write_report(const char *message)
{
    hook_calls++;
    (void)!write(report_fd, message, strlen(message));
}

static void fail_in_report(const char *message)
{
    write_report(message);
    if (hook_calls == 1)
        panic("again");
}

/* Runs `fail` in a child whose hook is `hook`; returns what the hook wrote, checks that it aborted.
 */
static void run_child(void (*fail)(void), void (*hook)(const char *), char *report, size_t capacity)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        report_fd = ends[1];
        log_set_stdout(false);
        signal(SIGABRT, SIG_DFL);
        panic_set_hook(hook);
        fail();
        _exit(0);
    }
    close(ends[1]);
    size_t size = 0;
    ssize_t got;
    while ((got = read(ends[0], report + size, capacity - 1 - size)) > 0)
        size += (size_t)got;
    report[size] = '\0';
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void fail_assertion(void)
{
    int one = 1;
    assert(one > 3);
}

static void fail_panic(void)
{
    panic("lost %s number %d", "block", 12);
}

Test(assert, hook_hears_the_expression_and_the_place)
{
    char report[2048];
    run_child(fail_assertion, write_report, report, sizeof report);
    cr_assert(strstr(report, "one > 3"), "%s", report);
    cr_assert(strstr(report, "test_assert.c:"), "%s", report);
    cr_assert(strstr(report, "fail_assertion"), "%s", report);
}

Test(assert, hook_hears_the_panic)
{
    char report[2048];
    run_child(fail_panic, write_report, report, sizeof report);
    cr_assert(strstr(report, "lost block number 12"), "%s", report);
    cr_assert(strstr(report, "test_assert.c:"), "%s", report);
}

Test(assert, failure_inside_the_report_ends_it)
{
    char report[2048];
    run_child(fail_panic, fail_in_report, report, sizeof report);
    cr_assert(strstr(report, "lost block"), "%s", report);
    cr_assert_null(strstr(report, "again"), "%s", report);
}
