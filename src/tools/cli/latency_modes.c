/* --latency and its kin: how long PING takes, and what this machine itself adds. */
#include "base/clock.h"
#include "tools/cli/cli.h"
#include "tools/cli/interrupts.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SAMPLE_PAUSE_US = 10 * 1000,
    HISTORY_INTERVAL_S = 15,
    LEGEND_PERIOD = 20,
    INTERRUPT_PERIOD_US = 10 * 1000
};

static int64_t ping_us(struct cli *cli)
{
    const char *words[] = {"PING"};
    int64_t start_us = clock_read_us();
    reply_value_free(cli_call_patiently(cli, words, 1));
    return clock_read_us() - start_us;
}

/* -- --latency, --latency-history -- */

struct latencies {
    long long minimum;
    long long maximum;
    long long sum;
    long long count;
    int64_t start_us;
};

static void add(struct latencies *latencies, long long ms)
{
    if (latencies->count == 0 || ms < latencies->minimum)
        latencies->minimum = ms;
    if (latencies->count == 0 || ms > latencies->maximum)
        latencies->maximum = ms;
    latencies->sum += ms;
    latencies->count++;
}

static void print_latencies(const struct latencies *latencies, enum output_format output)
{
    double average = (double)latencies->sum / (double)latencies->count;
    const long long minimum = latencies->minimum;
    const long long maximum = latencies->maximum;
    const long long count = latencies->count;
    switch (output) {
    case OUTPUT_STANDARD:
        printf("\x1b[0G\x1b[2Kmin: %lld, max: %lld, avg: %.2f (%lld samples)", minimum, maximum,
               average, count);
        break;
    case OUTPUT_RAW:
        printf("%lld %lld %.2f %lld\n", minimum, maximum, average, count);
        break;
    case OUTPUT_CSV:
        printf("%lld,%lld,%.2f,%lld\n", minimum, maximum, average, count);
        break;
    case OUTPUT_JSON:
    case OUTPUT_QUOTED_JSON:
        printf("{\"min\": %lld, \"max\": %lld, \"avg\": %.2f, \"count\": %lld}\n", minimum, maximum,
               average, count);
        break;
    }
    fflush(stdout);
}

int latency_mode(struct cli *cli)
{
    const struct cli_options *options = &cli->options;
    bool is_history = options->mode == MODE_LATENCY_HISTORY;
    bool is_live = options->output == OUTPUT_STANDARD;
    double default_s = is_history ? HISTORY_INTERVAL_S : 1;
    double interval_s = options->interval_s > 0 ? options->interval_s : default_s;
    cli_require_connection(cli);
    struct latencies latencies = {.start_us = clock_read_us()};
    for (;;) {
        add(&latencies, ping_us(cli) / 1000);
        if (is_live)
            print_latencies(&latencies, options->output);
        double elapsed_s = (double)(clock_read_us() - latencies.start_us) / 1e6;
        bool is_over = elapsed_s > interval_s && (is_history || !is_live);
        if (is_over && !is_live)
            print_latencies(&latencies, options->output);
        if (is_over && !is_history)
            return 0;
        if (is_over && is_live)
            printf(" -- %.2f seconds range\n", elapsed_s);
        if (is_over)
            latencies = (struct latencies){.start_us = clock_read_us()};
        sync_client_pause(cli->client, SAMPLE_PAUSE_US);
    }
}

/* -- --latency-dist -- */

struct bucket {
    int64_t limit_us;
    char mark;
    long long count;
};

// clang-format off
static const struct bucket empty_buckets[] = {
    {10, '.', 0}, {125, '-', 0}, {250, '*', 0}, {500, '#', 0},
    {1000, '1', 0}, {2000, '2', 0}, {3000, '3', 0}, {4000, '4', 0}, {5000, '5', 0},
    {6000, '6', 0}, {7000, '7', 0}, {8000, '8', 0}, {9000, '9', 0},
    {10000, 'A', 0}, {20000, 'B', 0}, {30000, 'C', 0}, {40000, 'D', 0}, {50000, 'E', 0},
    {100000, 'F', 0}, {200000, 'G', 0}, {300000, 'H', 0}, {400000, 'I', 0}, {500000, 'J', 0},
    {1000000, 'K', 0}, {2000000, 'L', 0}, {4000000, 'M', 0}, {8000000, 'N', 0},
    {16000000, 'O', 0}, {30000000, 'P', 0}, {60000000, 'Q', 0}, {INT64_MAX, '?', 0},
};
/* From black by grey and yellow to red: xterm's 256 colours. */
static const int palette[] = {0, 233, 234, 235, 237, 239, 241, 243, 245, 247,
                              144, 143, 142, 184, 226, 214, 208, 202, 196};
// clang-format on

enum {
    BUCKET_COUNT = sizeof(empty_buckets) / sizeof(empty_buckets[0]),
    PALETTE_SIZE = sizeof(palette) / sizeof(palette[0])
};

static void print_legend(void)
{
    static const char rule[] = "---------------------------------------------\n";
    printf("%s"
           ". - * #          .01 .125 .25 .5 milliseconds\n"
           "1,2,3,...,9      from 1 to 9     milliseconds\n"
           "A,B,C,D,E        10,20,30,40,50  milliseconds\n"
           "F,G,H,I,J        .1,.2,.3,.4,.5       seconds\n"
           "K,L,M,N,O,P,Q,?  1,2,4,8,16,30,60,>60 seconds\n"
           "From 0 to 100%%: ",
           rule);
    for (int i = 0; i < PALETTE_SIZE; i++)
        printf("\033[48;5;%dm ", palette[i]);
    printf("\033[0m\n%s", rule);
}

static void print_spectrum(const struct bucket *buckets, long long total)
{
    printf("\033[38;5;0m");
    for (int i = 0; i < BUCKET_COUNT; i++) {
        /* Anything above nothing shows a colour. */
        long long scaled = buckets[i].count * (PALETTE_SIZE - 1);
        long long colour = (scaled + total - 1) / total;
        printf("\033[48;5;%dm%c", palette[colour], buckets[i].mark);
    }
    printf("\033[0m\n");
    fflush(stdout);
}

int latency_dist_mode(struct cli *cli)
{
    double interval_s = cli->options.interval_s > 0 ? cli->options.interval_s : 1;
    struct bucket buckets[BUCKET_COUNT];
    cli_require_connection(cli);
    for (unsigned row = 0;; row++) {
        int64_t start_us = clock_read_us();
        long long total = 0;
        memcpy(buckets, empty_buckets, sizeof(buckets));
        while (total == 0 || (double)(clock_read_us() - start_us) < interval_s * 1e6) {
            int64_t latency_us = ping_us(cli);
            int i = 0;
            while (latency_us > buckets[i].limit_us)
                i++;
            buckets[i].count++;
            total++;
            sync_client_pause(cli->client, SAMPLE_PAUSE_US);
        }
        if (row % LEGEND_PERIOD == 0)
            print_legend();
        print_spectrum(buckets, total);
    }
}

/* -- --intrinsic-latency -- */

/* Some work that cannot be left out, of well below a microsecond. */
static uint64_t compute(uint64_t seed)
{
    for (int i = 0; i < 64; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
    }
    return seed;
}

/* An interrupt ends it early; what was measured is printed all the same. */
int intrinsic_latency_mode(const struct cli *cli)
{
    interrupts_hold();
    int64_t start_us = clock_read_us();
    int64_t end_us = start_us + cli->options.mode_number * 1000 * 1000;
    int64_t before_us = start_us;
    int64_t worst_us = 0;
    uint64_t seed = (uint64_t)start_us | 1;
    long long runs = 0;
    int64_t next_look_us = start_us;
    while (before_us < end_us) {
        if (before_us >= next_look_us) {
            if (runs > 0 && interrupts_are_held())
                break;
            next_look_us = before_us + INTERRUPT_PERIOD_US;
        }
        seed = compute(seed);
        int64_t now_us = clock_read_us();
        int64_t latency_us = now_us - before_us;
        before_us = now_us;
        runs++;
        if (latency_us > worst_us) {
            worst_us = latency_us;
            printf("Max latency so far: %lld microseconds.\n", (long long)worst_us);
            fflush(stdout);
        }
    }
    double average_us = (double)(before_us - start_us) / (double)runs;
    printf("\n%lld total runs (avg latency: %.4f microseconds / %.2f nanoseconds per run).\n", runs,
           average_us, average_us * 1e3);
    printf("Worst run took %.0fx longer than the average latency.\n",
           (double)worst_us / average_us);
    return seed == 0; /* never: xorshift does not reach zero */
}
