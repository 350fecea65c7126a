/* What the command line and the environment ask of redis-cli. Filled once by main, read by
 * everyone; strings are argv's, the environment's or the URI's memory, alive until exit. Main
 * thread. */
#ifndef TOOLS_CLI_OPTIONS_H
#define TOOLS_CLI_OPTIONS_H

#include "tools/common/tls_flags.h"
#include "tools/common/uri.h"
#include <stdbool.h>
#include <stdint.h>

enum output_format {
    OUTPUT_STANDARD, /* for people: quoted, typed, numbered */
    OUTPUT_RAW,
    OUTPUT_CSV,
    OUTPUT_JSON,
    OUTPUT_QUOTED_JSON
};

enum cli_mode {
    MODE_COMMAND, /* a command, or the interactive one when there is none */
    MODE_EVAL,
    MODE_PIPE,
    MODE_STAT,
    MODE_LATENCY,
    MODE_LATENCY_HISTORY,
    MODE_LATENCY_DIST,
    MODE_SCAN,
    MODE_BIGKEYS,
    MODE_MEMKEYS,
    MODE_KEYSTATS,
    MODE_HOTKEYS,
    MODE_LRU_TEST,
    MODE_INTRINSIC_LATENCY,
    MODE_HEALTH,
    MODE_TLS_INFO,
    MODE_LIVE,
    MODE_UNSUPPORTED /* mode_text names the flag */
};

struct cli_options {
    const char *host;
    int64_t port;
    const char *unix_path;
    const char *user;
    const char *password;
    const char *password_file;
    const char *key_password_file;
    char *secrets[2]; /* what was read from these files */
    int64_t db;
    int family;
    double timeout_s;
    struct tls_flags tls;
    struct uri uri; /* of -u: owns what host, user ... may point into */

    enum cli_mode mode;
    const char *mode_text;
    int64_t mode_number;
    int64_t memkeys_samples; /* -1: the server's default; --keystats-samples too */
    int64_t keystats_top;    /* rows of the biggest keys */
    const char *cursor;      /* where scanning begins */
    int64_t pipe_timeout_s;
    const char *pattern;
    const char *quoted_pattern;
    int64_t scan_count;

    enum output_format output;
    const char *bulk_delimiter;
    const char *reply_delimiter;
    int64_t repeat; /* -1: for ever */
    double interval_s;
    const char *stdin_tag;

    bool is_verifying_host;
    bool is_password_on_line;
    bool is_top_wanted; /* --top without a number */
    bool is_asking_password;
    bool is_silent_on_password;
    bool is_resp2;
    bool is_resp3;
    bool is_resp3_optional;
    bool is_last_arg_of_stdin;
    bool is_input_quoted;
    bool is_failing_fast; /* -e */
    bool is_redirecting;  /* -c */
    bool is_showing_pushes;
    bool is_verbose;
};

/* Reads the environment and argv; returns the index of the command's first word. Mistakes, --help
 * and
 * --version end the process. */
int options_parse(struct cli_options *options, int argc, char **argv);
/* Wipes and frees what is owned. */
void options_release(struct cli_options *options);
/* The whole of --help. */
void options_print_usage(void);
/* "redis-cli 8.0.0" */
const char *options_version(void);

#endif
