/* What is sent: the bytes of one pipeline of requests, with the places where random numbers go, and
 * what a connection says first (AUTH, HELLO, ...). Built by the main thread, read by all. */
#ifndef TOOLS_BENCHMARK_WORKLOAD_H
#define TOOLS_BENCHMARK_WORKLOAD_H

#include "base/buffer.h"
#include "tools/benchmark/compose.h"
#include "tools/benchmark/options.h"
#include <stddef.h>
#include <stdint.h>

enum {
    /* "__rand_int__", and the digits that replace it. */
    PLACEHOLDER_SIZE = 12
};

#define WORKLOAD_PLACEHOLDER "__rand_int__"
/* In an argument of a command: becomes -d bytes. */
#define WORKLOAD_DATA "__data__"

struct workload {
    char *title;
    struct buffer request;   /* one pipeline */
    struct buffer greeting;  /* sent once by each connection, before requests */
    uint32_t greeting_count; /* replies that it gets */
    size_t *placeholders;    /* offsets into request */
    size_t placeholder_count;
    struct composition composition; /* when it has parts, request is empty */
    size_t command_size;            /* of one request of the user's command, or 0 */
    bool is_handshakes;
};

/* The built-in tests, in the order in which they run. */
struct builtin_test {
    const char *title;
    const char *names[6]; /* of -t, NULL behind the last */
    bool is_inline;       /* args[0] is the whole request */
    const char *args[22]; /* "@data" and "@score" stand for the options' */
};

/* Number of built-in tests; *tests is a constant table. */
size_t workload_builtin_tests(const struct builtin_test **tests);
/* Whether -t may say so, in either case. */
bool workload_is_builtin_test(const char *name, size_t size);
void workload_init_builtin(struct workload *workload, const struct options *options,
                           const struct builtin_test *test);
/* SET and GET as --ratio says. */
void workload_init_ratio(struct workload *workload, const struct options *options);
/* A PING on each new connection. */
void workload_init_handshakes(struct workload *workload, const struct options *options);
/* Printable noise, the same in every run; the caller frees it. */
char *workload_make_data(size_t size);
/* The command of the command line; with -x its last argument is read from standard input. 0, or -1
 * when that fails. */
int workload_init_command(struct workload *workload, const struct options *options) MUST_CHECK;
/* Only the greeting (idle mode). */
void workload_init_idle(struct workload *workload, const struct options *options);
void workload_deinit(struct workload *workload);

/* Writes twelve digits of `value`. */
static inline void workload_put_digits(char *to, uint64_t value)
{
    for (int i = PLACEHOLDER_SIZE - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

#endif
