/* What the live view shows: figures of a server now, and per second since the look before. Taken
 * from INFO and CLIENT LIST, so any server of the kind will do; what it does not tell is 0. */
#ifndef TOOLS_CLI_LIVE_FIGURES_H
#define TOOLS_CLI_LIVE_FIGURES_H

#include <stdint.h>

enum { LIVE_THREADS_MAX = 128, LIVE_ROWS_MAX = 32, LIVE_NAME_MAX = 48, LIVE_KINDS_MAX = 8 };

/* Counters, summed since the server's start. */
struct live_counters {
    int64_t at_us;
    int64_t commands;
    int64_t bytes_in;
    int64_t bytes_out;
    int64_t hits;
    int64_t misses;
    int64_t expired;
    int64_t evicted;
    int64_t accepted;
    int64_t rejected;
    int64_t errors;
    int64_t handshakes_full;
    int64_t handshakes_resumed;
    int64_t handshakes_failed;
    int64_t handshake_cpu_us;
    double main_cpu_s;
    double cpu_s;
    int64_t thread_busy_us[LIVE_THREADS_MAX]; /* by the number of the I/O thread */
    int thread_count;
};

struct live_command {
    char name[LIVE_NAME_MAX];
    int64_t calls;
    int64_t run_us;
    double calls_per_s; /* since the look before */
    double us_per_call; /* then, or of all calls when there were none since */
};

struct live_client {
    char name[LIVE_NAME_MAX]; /* its own, or its address */
    char command[LIVE_NAME_MAX];
    int64_t memory;
};

/* How many connections have a protocol or a cipher. */
struct live_kind {
    char name[LIVE_NAME_MAX];
    int count;
};

struct live_figures {
    struct live_counters now;
    struct live_counters before; /* at_us 0: this is the first look */
    char version[LIVE_NAME_MAX];
    int64_t uptime_s;
    int64_t keys;
    int64_t clients;
    int64_t blocked;
    int64_t pubsub;
    int64_t handshakes_in_flight;
    int64_t memory;
    int64_t memory_peak;
    int64_t memory_rss;
    int64_t memory_max;
    int64_t memory_tls;
    struct live_command *commands; /* all that were called, slowest first */
    int command_count;
    struct live_client biggest[LIVE_ROWS_MAX];
    int biggest_count;
    struct live_kind protocols[LIVE_KINDS_MAX];
    struct live_kind ciphers[LIVE_KINDS_MAX];
    int plain_count; /* connections without TLS */
};

/* Takes a new INFO EVERYTHING; `at_us` is when. What was "now" becomes "before". */
void live_figures_take_info(struct live_figures *figures, const char *info, int64_t at_us);
void live_figures_take_clients(struct live_figures *figures, const char *list);
void live_figures_deinit(struct live_figures *figures);
/* Per second since the look before; 0 at the first. Counters that went back (RESETSTAT) give 0. */
double live_rate(const struct live_figures *figures, int64_t now, int64_t before);

#endif
