/* What the command line of redis-benchmark asks for. Main thread fills it; read-only afterwards, by
 * any thread. */
#ifndef TOOLS_BENCHMARK_OPTIONS_H
#define TOOLS_BENCHMARK_OPTIONS_H

#include "tools/common/tls_flags.h"
#include "tools/common/uri.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    BENCHMARK_THREADS_MAX = 500,
    BENCHMARK_DATA_SIZE_MAX = 1024 * 1024 * 1024,
    BENCHMARK_PRECISION_MAX = 4,
    BENCHMARK_RATIO_MAX = 1000000
};

enum key_pattern { KEYS_RANDOM, KEYS_SEQUENTIAL, KEYS_GAUSSIAN };
enum handshakes { HANDSHAKES_NONE, HANDSHAKES_FULL, HANDSHAKES_RESUMED };

struct options {
    const char *host;
    int64_t port;
    const char *socket_path; /* NULL: host and port */
    const char *user;
    const char *password;
    struct uri uri; /* owns strings that the above may point to */
    struct tls_flags tls;
    int64_t clients;
    int64_t requests;
    int64_t data_size;
    int64_t db;
    int64_t threads; /* 0: not asked for, one is used */
    int64_t pipeline;
    int64_t precision; /* decimals of latencies */
    int64_t key_space; /* of -r */
    int64_t seed;
    bool has_random_keys;
    bool is_resp3;
    bool has_tracking;
    bool is_keep_alive;
    bool is_quiet;
    bool is_csv;
    bool is_looping;
    bool is_idle;
    bool reads_stdin;    /* -x */
    bool shows_errors;   /* go on after error replies */
    const char *tests;   /* of -t, or NULL for the default ones */
    int64_t rps;         /* open loop; 0: closed */
    int64_t duration_us; /* 0: as many requests as -n says */
    int64_t warmup_us;
    int64_t warmup_requests;
    int64_t ratio_sets; /* both 0: no mix */
    int64_t ratio_gets;
    int64_t data_size_min; /* both 0: data_size */
    int64_t data_size_max;
    enum key_pattern key_pattern;
    bool has_key_pattern;
    enum handshakes handshakes;
    bool keeps_handshake_out;
    const char *json_path;
    const char *hdr_path;
    const char *compare[2]; /* URIs, or NULL */
    int command_argc;       /* the user's command, 0 for none */
    char **command_argv;
};

/* Fills `options` or ends the process (help, version, mistakes). */
void options_parse(struct options *options, int argc, char **argv);
void options_deinit(struct options *options);
/* Takes what the URI names; ends the process when it is none. */
void options_apply_uri(struct options *options, const char *text);
/* True when -t chose `name` ("get"), or when there is no -t. */
bool options_test_is_selected(const struct options *options, const char *name);
/* "127.0.0.1:6379" or the socket's path, for messages. */
void options_format_target(const struct options *options, char *text, size_t size);

#endif
