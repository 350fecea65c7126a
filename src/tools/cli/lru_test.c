/* --lru-test: a cache that is asked for 20 % of its keys 80 % of the time; prints hits and misses.
 */
#include "base/clock.h"
#include "base/random.h"
#include "tools/cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH_SIZE = 250, CYCLE_US = 1000 * 1000 };

/* A power law by inversion of its distribution function: small numbers are rare, and the result
 * counts from the other end. */
static long long choose_key(int64_t key_count)
{
    const double exponent = 6.2 + 1;
    double highest = pow((double)key_count, exponent);
    double drawn = pow((highest - 1) * random_unit() + 1, 1 / exponent);
    return key_count - (long long)drawn;
}

static void send_or_exit(struct cli *cli, int count, const struct bytes *words)
{
    if (sync_client_send(cli->client, count, words) == 0)
        return;
    cli_print_error(cli);
    exit(1);
}

/* Reads a batch of replies; returns how many of them are nil. */
static long long read_batch(struct cli *cli)
{
    long long nil_count = 0;
    for (int i = 0; i < BATCH_SIZE; i++) {
        struct reply_value *reply;
        if (sync_client_read(cli->client, -1, -1, &reply) != SYNC_REPLY) {
            cli_print_error(cli);
            exit(1);
        }
        if (reply->type == REPLY_ERROR) {
            fprintf(stderr, "ERROR: %s\n", reply->text.data);
            exit(1);
        }
        nil_count += reply->type == REPLY_NIL;
        reply_value_free(reply);
    }
    return nil_count;
}

static struct bytes format_key(char *key, size_t size, int64_t key_count)
{
    int length = snprintf(key, size, "lru:%lld", choose_key(key_count));
    return bytes_of(key, (size_t)length);
}

static void write_batch(struct cli *cli)
{
    for (int i = 0; i < BATCH_SIZE; i++) {
        char key[64];
        char value[5];
        for (size_t k = 0; k < sizeof(value); k++)
            value[k] = (char)('A' + random_below('Z' - 'A' + 1));
        struct bytes words[] = {BYTES_LITERAL("SET"),
                                format_key(key, sizeof(key), cli->options.mode_number),
                                bytes_of(value, sizeof(value))};
        send_or_exit(cli, 3, words);
    }
    read_batch(cli);
}

static long long look_up_batch(struct cli *cli)
{
    for (int i = 0; i < BATCH_SIZE; i++) {
        char key[64];
        struct bytes words[] = {BYTES_LITERAL("GET"),
                                format_key(key, sizeof(key), cli->options.mode_number)};
        send_or_exit(cli, 2, words);
    }
    return read_batch(cli);
}

int lru_test_mode(struct cli *cli)
{
    cli_require_connection(cli);
    for (;;) {
        int64_t end_us = clock_read_us() + CYCLE_US;
        long long lookups = 0;
        long long misses = 0;
        while (clock_read_us() < end_us) {
            write_batch(cli);
            misses += look_up_batch(cli);
            lookups += BATCH_SIZE;
        }
        long long hits = lookups - misses;
        printf("%lld Gets/sec | Hits: %lld (%.2f%%) | Misses: %lld (%.2f%%)\n", lookups, hits,
               (double)hits / (double)lookups * 100, misses,
               (double)misses / (double)lookups * 100);
        fflush(stdout);
    }
}
