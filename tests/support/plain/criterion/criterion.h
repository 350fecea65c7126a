/* The part of Criterion that the unit tests use, for ThreadSanitizer builds.
 *
 * Criterion maps memory at addresses that ThreadSanitizer keeps for itself, so under
 * SANITIZER=thread this header takes its place: the same macros, each test in a forked child, the
 * same closing line. One test program includes it once. Single-threaded until a test starts threads
 * of its own.
 */
#ifndef SUPPORT_PLAIN_CRITERION_H
#define SUPPORT_PLAIN_CRITERION_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct plain_options {
    void (*init)(void);
    void (*fini)(void);
    int signal;
    int exit_code;
    double timeout;
    bool disabled;
    const char *description;
};

struct plain_test {
    const char *suite;
    const char *name;
    void (*run)(void);
    struct plain_options options;
    struct plain_test *next;
};

enum { PLAIN_SKIPPED = 77, PLAIN_TIMEOUT_SECONDS = 100 };

static struct plain_test *plain_first;
static struct plain_test **plain_last = &plain_first;
static int plain_failures;

static inline void plain_add(struct plain_test *test)
{
    *plain_last = test;
    plain_last = &test->next;
}

/* A test is a row without a next one, a suite a row without a function. */
#define PLAIN_ROW(suite_, name_, function_, row_, ...)                                             \
    static struct plain_test row_ = {#suite_, name_, function_, {__VA_ARGS__}, NULL};              \
    __attribute__((constructor)) static void row_##_add(void)                                      \
    {                                                                                              \
        plain_add(&row_);                                                                          \
    }

#define Test(suite_, name_, ...)                                                                   \
    static void suite_##_##name_##_impl(void);                                                     \
    PLAIN_ROW(suite_, #name_, suite_##_##name_##_impl, suite_##_##name_##_row, __VA_ARGS__)        \
    static void suite_##_##name_##_impl(void)

#define TestSuite(suite_, ...) PLAIN_ROW(suite_, NULL, NULL, suite_##_suite_row, __VA_ARGS__)

__attribute__((format(printf, 4, 5))) static inline void
plain_failed(bool is_fatal, int line, const char *expression, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "line %d: assertion failed: %s ", line, expression);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    plain_failures++;
    if (is_fatal)
        _exit(1);
}

#define PLAIN_CHECK(fatal_, condition_, ...)                                                       \
    ((condition_) ? (void)0 : plain_failed(fatal_, __LINE__, #condition_, " " __VA_ARGS__))
#define PLAIN_STRINGS(a_, b_) strcmp((a_), (b_))

#define cr_assert(c_, ...)             PLAIN_CHECK(true, (c_), __VA_ARGS__)
#define cr_assert_not(c_, ...)         PLAIN_CHECK(true, !(c_), __VA_ARGS__)
#define cr_assert_eq(a_, b_, ...)      PLAIN_CHECK(true, (a_) == (b_), __VA_ARGS__)
#define cr_assert_neq(a_, b_, ...)     PLAIN_CHECK(true, (a_) != (b_), __VA_ARGS__)
#define cr_assert_lt(a_, b_, ...)      PLAIN_CHECK(true, (a_) < (b_), __VA_ARGS__)
#define cr_assert_leq(a_, b_, ...)     PLAIN_CHECK(true, (a_) <= (b_), __VA_ARGS__)
#define cr_assert_gt(a_, b_, ...)      PLAIN_CHECK(true, (a_) > (b_), __VA_ARGS__)
#define cr_assert_geq(a_, b_, ...)     PLAIN_CHECK(true, (a_) >= (b_), __VA_ARGS__)
#define cr_assert_null(p_, ...)        PLAIN_CHECK(true, (p_) == NULL, __VA_ARGS__)
#define cr_assert_not_null(p_, ...)    PLAIN_CHECK(true, (p_) != NULL, __VA_ARGS__)
#define cr_assert_str_eq(a_, b_, ...)  PLAIN_CHECK(true, PLAIN_STRINGS(a_, b_) == 0, __VA_ARGS__)
#define cr_assert_str_neq(a_, b_, ...) PLAIN_CHECK(true, PLAIN_STRINGS(a_, b_) != 0, __VA_ARGS__)
#define cr_assert_str_empty(a_, ...)   PLAIN_CHECK(true, (a_)[0] == '\0', __VA_ARGS__)
#define cr_assert_arr_eq(a_, b_, n_, ...)                                                          \
    PLAIN_CHECK(true, memcmp((a_), (b_), (n_)) == 0, __VA_ARGS__)
#define cr_assert_arr_neq(a_, b_, n_, ...)                                                         \
    PLAIN_CHECK(true, memcmp((a_), (b_), (n_)) != 0, __VA_ARGS__)
#define cr_assert_float_eq(a_, b_, e_, ...)                                                        \
    PLAIN_CHECK(true, (a_) - (b_) <= (e_) && (b_) - (a_) <= (e_), __VA_ARGS__)
#define cr_assert_fail(...)           plain_failed(true, __LINE__, "fail", " " __VA_ARGS__)
#define cr_fatal                      cr_assert_fail
#define cr_expect(c_, ...)            PLAIN_CHECK(false, (c_), __VA_ARGS__)
#define cr_expect_eq(a_, b_, ...)     PLAIN_CHECK(false, (a_) == (b_), __VA_ARGS__)
#define cr_expect_neq(a_, b_, ...)    PLAIN_CHECK(false, (a_) != (b_), __VA_ARGS__)
#define cr_expect_str_eq(a_, b_, ...) PLAIN_CHECK(false, PLAIN_STRINGS(a_, b_) == 0, __VA_ARGS__)
#define cr_skip_test(...)             _exit(PLAIN_SKIPPED)
#define cr_skip                       cr_skip_test
#define cr_log_info(...)              ((void)0)

static inline void plain_call(void (*function)(void))
{
    if (function)
        function();
}

/* In the child. */
static inline void plain_run_child(const struct plain_test *test, const struct plain_test *suite)
{
    double seconds = test->options.timeout ? test->options.timeout : PLAIN_TIMEOUT_SECONDS;
    alarm((unsigned)seconds + 1);
    if (suite)
        plain_call(suite->options.init);
    plain_call(test->options.init);
    test->run();
    plain_call(test->options.fini);
    if (suite)
        plain_call(suite->options.fini);
    /* exit: ThreadSanitizer turns races into the exit code there. */
    exit(plain_failures ? 1 : 0);
}

static inline bool plain_is_expected(const struct plain_options *options, int status)
{
    if (options->signal)
        return WIFSIGNALED(status) && WTERMSIG(status) == options->signal;
    return WIFEXITED(status) &&
           (WEXITSTATUS(status) == options->exit_code || WEXITSTATUS(status) == PLAIN_SKIPPED);
}

int main(int argc, char **argv)
{
    int tested = 0;
    int failed = 0;
    int crashed = 0;
    (void)argc;
    for (const struct plain_test *test = plain_first; test; test = test->next) {
        if (!test->run || test->options.disabled)
            continue;
        const struct plain_test *suite = plain_first;
        while (suite && (suite->run || strcmp(suite->suite, test->suite) != 0))
            suite = suite->next;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0)
            plain_run_child(test, suite);
        int status;
        waitpid(child, &status, 0);
        tested++;
        if (plain_is_expected(&test->options, status))
            continue;
        fprintf(stderr, "[FAIL] %s: %s::%s: status %d\n", argv[0], test->suite, test->name, status);
        failed++;
        crashed += WIFSIGNALED(status);
    }
    fprintf(stderr, "[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: %d \n",
            tested, tested - failed, failed, crashed);
    return failed ? 1 : 0;
}

#endif
